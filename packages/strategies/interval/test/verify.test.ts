/** The checks, checked: for each invariant that `verify` states, a word that breaks it, and what `verify` says of it. */
import { describe, expect, it } from 'vitest';
import { Mm, mmAt, recordsByteLength, State, Sub, subAt } from '../src/layout.ts';
import { callersField } from '../src/scoped.ts';
import { Slot, Table, tableByteLength } from '../src/table.ts';
import { interval } from '../src/variants.ts';

const capacity = 4;

/** What an invariant is about. */
interface Words {
  /** Of the address space, by field. */
  readonly mm: (field: number) => number;
  /** Of a subscription, by its handle and field. */
  readonly sub: (handle: number, field: number) => number;
  readonly words: Int32Array;
  readonly wide: Float64Array;
}

type Damage = (words: Words) => void;

/** Four records: 0, 1 and 3 are inserted, 2 is free again. */
async function idle() {
  const memory = new ArrayBuffer(interval.byteLength(capacity));
  const notifier = interval.create({ memory, capacity });
  const ops = { invalidate() {} };
  const subscriptions = [10, 20, 30, 40].map((end) => notifier.subscribe({ start: 0, end }, ops));
  await subscriptions[2]!.close();
  return { memory, notifier, subscriptions };
}

/** The same in a section that hit somebody: 2 is to be inserted at its end, and then 0 removed. */
async function full() {
  const all = await idle();
  await all.notifier.invalidateRangeStart({ start: 0, end: 5 });
  all.notifier.subscribe({ start: 50, end: 60 }, { invalidate() {} });
  void all.subscriptions[0]!.close();
  return all;
}

const idleDamages: readonly (readonly [message: string, damage: Damage])[] = [
  ['expected the lock to be free', ({ words, mm }) => (words[mm(Mm.lock)] = 1)],
  ['expected the lock of the records to be free', ({ words, mm }) => (words[mm(Mm.slab)] = 1)],
  ['active sections: expected at least 0, got -1', ({ words, mm }) => (words[mm(Mm.active)] = -1)],
  ['expected an even seq while no section', ({ words, mm }) => (words[mm(Mm.seqLow)]! |= 1)],
  ['expected no deferred change', ({ words, mm }) => (words[mm(Mm.deferred)] = 1)],
  ['interval tree', ({ words }) => (words[recordsByteLength(capacity) / 4]! += 1)],
  ['expected the free list to have no cycle', ({ words, sub }) => (words[sub(2, Sub.next)] = 3)],
  ['0: in the tree in state 1', ({ words, sub }) => (words[sub(0, Sub.state)] = State.detached)],
  ['0: start differs', ({ wide, sub }) => (wide[(sub(0, 0) >> 1) + Sub.start] = 1)],
  ['0: last differs', ({ wide, sub }) => (wide[(sub(0, 0) >> 1) + Sub.last] = 1)],
  [
    '2 in state 2: not in the tree',
    ({ words, sub }) => (words[sub(2, Sub.state)] = State.inserted),
  ],
  [
    '0 in state 4: against the deferred list',
    ({ words, sub }) => (words[sub(0, Sub.state)] = State.removing),
  ],
  ['2 in state 0: against the free list', ({ words, mm }) => (words[mm(Mm.free)] = 0)],
  ['0 in state 2: expected an odd seq', ({ words, sub }) => (words[sub(0, Sub.seqLow)]! += 1)],
  ['expected 2 in the tree, got 3', ({ words, mm }) => (words[mm(Mm.bump)]! -= 1)],
  ['expected count 3, got 4', ({ words, mm }) => (words[mm(Mm.count)]! += 1)],
];

const fullDamages: typeof idleDamages = [
  [
    'expected the deferred list to have no cycle',
    ({ words, sub }) => (words[sub(2, Sub.next)] = 3),
  ],
  ['to know their predecessor', ({ words, sub }) => (words[sub(2, Sub.previous)] = 4)],
  ['against the deferred list', ({ words, mm }) => (words[mm(Mm.deferred)] = 0)],
  ['2 in state 3: expected an odd seq', ({ words, sub }) => (words[sub(2, Sub.seqLow)]! += 1)],
];

/** As `idle`, in a section that hit 0, 1 and 3. Its slot is the first. */
async function scoped() {
  const variant = 'scoped';
  const memory = new ArrayBuffer(interval.byteLength(capacity, variant));
  const notifier = interval.create({ memory, capacity, variant });
  const subscriptions = [10, 20, 30, 40].map((end) =>
    notifier.subscribe({ start: 0, end }, { invalidate() {} }),
  );
  await subscriptions[2]!.close();
  await notifier.invalidateRangeStart({ start: 0, end: 5 });
  return { memory, notifier };
}

const tableAt = recordsByteLength(capacity) / 4;
const slotAt = (tableAt + Table.sizeWords) >> 1;

const scopedDamages: typeof idleDamages = [
  ['expected the lock to be free', ({ words, mm }) => (words[mm(Mm.lock)] = 1)],
  ['expected the lock of the records to be free', ({ words, mm }) => (words[mm(Mm.slab)] = 1)],
  [
    'interval tree',
    ({ words }) => (words[(recordsByteLength(capacity) + tableByteLength) / 4]! += 1),
  ],
  ['slot 0: expected a number up to', ({ wide }) => (wide[slotAt + Slot.number]! += 1)],
  ['slot 0: expected a range', ({ wide }) => (wide[slotAt + Slot.start] = 6)],
  ['expected 1 active sections, got 2', ({ words, mm }) => (words[mm(Mm.active)] = 2)],
  [
    '2 in state 2: against the tree',
    ({ words, sub }) => (words[sub(2, Sub.state)] = State.inserted),
  ],
  ['0: start differs', ({ wide, sub }) => (wide[(sub(0, 0) >> 1) + Sub.start] = 1)],
  ['0: last differs', ({ wide, sub }) => (wide[(sub(0, 0) >> 1) + Sub.last] = 1)],
  ['0 in state 2: got 2 callers', ({ words, sub }) => (words[sub(0, callersField)] = 2)],
  ['2 in state 0: expected no callers', ({ words, sub }) => (words[sub(2, callersField)] = 1)],
  ['0 in state 2: expected an odd seq', ({ words, sub }) => (words[sub(0, Sub.seqLow)]! += 1)],
  ['expected count 3, got 4', ({ words, mm }) => (words[mm(Mm.count)]! += 1)],
];
describe.each([
  ['with no section open', idle, idleDamages],
  ['with changes deferred', full, fullDamages],
  ['of the variant scoped', scoped, scopedDamages],
])('verify, %s', (_, prepare, damages) => {
  it.each(damages)('says: %s', async (message, damage) => {
    const { memory, notifier } = await prepare();
    notifier.verify();
    damage({
      mm: (field) => mmAt + field,
      sub: (handle, field) => subAt(handle) + field,
      words: new Int32Array(memory),
      wide: new Float64Array(memory, 0, Math.floor(memory.byteLength / 8)),
    });
    expect(() => notifier.verify()).toThrow(message);
  });
});
