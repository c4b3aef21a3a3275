/** The checks, checked: for each invariant that `verify` states, a word that breaks it, and what `verify` says of it. */
import { describe, expect, it } from 'vitest';
import { hlistSrcu } from '../src/index.ts';
import { byteLength, Mm, mmAt, Node, nodeAt, State } from '../src/layout.ts';

/** Four nodes: 4, 2 and 1 are listed, in this order; 3 is free again. */
async function notifierIn(memory: ArrayBuffer, variant: string) {
  const notifier = hlistSrcu.create({ memory, variant, capacity: 4 });
  const registrations = [];
  for (let count = 0; count < 4; count++) {
    registrations.push(await notifier.register({ invalidateRangeEnd() {} }));
  }
  await notifier.unregister(registrations[2]!);
  return notifier;
}

const of = (node: number, field: number): number => nodeAt(node) + field;
const inMm = (field: number): number => mmAt + field;

const damages: readonly (readonly [message: string, word: number, value: number])[] = [
  ['open sections: expected at least 0, got -1', inMm(Mm.open), -1],
  ['node 4: expected a list without a cycle', of(1, Node.next), 4],
  ['node 2: knows a wrong predecessor', of(2, Node.previous), 1],
  ['ends: expected 3, got 4', inMm(Mm.ends), 4],
  ['node 3: expected a free list without a cycle', of(3, Node.next), 3],
  ['node 3: state 0 against the free list', inMm(Mm.free), 0],
  ['node 1: state 9 against the list', of(1, Node.state), State.used | State.hasEnd],
  ['node 3: state 3 against the free list', of(3, Node.state), State.used | State.listed],
  ['node 2: expected a count of at least 0, got -1', of(2, Node.count), -1],
  ['node 2: count 1 without an open section', of(2, Node.count), 1],
  ['node 4: count 1 without an open section', of(4, Node.count), 1],
];

describe('verify', () => {
  it.each(damages)('says: %s', async (message, word, value) => {
    const memory = new ArrayBuffer(byteLength(4));
    const notifier = await notifierIn(memory, 'fixed');
    notifier.verify();
    new Int32Array(memory)[word] = value;
    expect(() => notifier.verify()).toThrow(message);
  });

  it('takes a count that stays up for a count of v5.3, which does not promise that ends come', async () => {
    const memory = new ArrayBuffer(byteLength(4));
    const notifier = await notifierIn(memory, 'v5.3');
    new Int32Array(memory)[of(2, Node.count)] = 1;
    expect(() => notifier.verify()).not.toThrow();
  });
});
