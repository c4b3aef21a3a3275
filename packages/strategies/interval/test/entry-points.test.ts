/** Which variants come from where, and that they all work on the same memory. */
import { describe, expect, it } from 'vitest';
import { interval as scoped } from '../src/entry-scoped.ts';
import { interval as v1 } from '../src/entry-v1.ts';
import { interval as landed, IntervalNotifier } from '../src/entry-shared.ts';
import { interval as local, LocalNotifier } from '../src/index.ts';
import { nameOfWord } from '../src/names.ts';
import { interval as all } from '../src/variants.ts';
import { thrownBy } from './thrown.ts';

const alone = { landed, scoped, v1 };

/** Memory of another agent's notifier. */
function memoryOf(variant: string): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(all.byteLength(4, variant));
  all.create({ memory, capacity: 4, variant });
  return memory;
}

describe.each(Object.entries(alone))('the entry point of %s', (variant, strategy) => {
  it('has that variant alone, and with it the traits and bytes that it has among all', () => {
    expect(strategy.variants).toEqual([variant]);
    expect(strategy.traits()).toBe(all.traits(variant));
    expect(strategy.byteLength(100)).toBe(all.byteLength(100, variant));
  });

  it('makes notifiers that work', () => {
    const notifier = strategy.create();
    expect(notifier).toBeInstanceOf(IntervalNotifier);
    const calls: number[] = [];
    const subscription = notifier.subscribe(
      { start: 0, end: 10 },
      { invalidate: ({ start }) => void calls.push(start) },
    );
    const seq = subscription.readBeginSync();
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync({ start: 3, end: 4 }));
    expect(calls).toEqual([3]);
    expect(subscription.publishSync(seq, () => {})).toBe(false);
  });

  it('attaches to memory of its own variant and says which one other memory has', () => {
    expect(strategy.attach(memoryOf(variant)).traits).toBe(strategy.traits());
    const other = variant === 'v1' ? 'landed' : 'v1';
    expect(thrownBy(() => strategy.attach(memoryOf(other)))).toMatchObject({
      code: 'MMN_OPTION',
      message: `expected a variant of this entry point (${variant}), got '${other}': @mmu-notifier/interval/variants has all`,
    });
  });

  it('has no checks, and says where they are', () => {
    expect(thrownBy(() => strategy.create().verify())).toMatchObject({
      code: 'MMN_OPTION',
      message: expect.stringContaining('@mmu-notifier/interval/variants'),
    });
    expect(() => all.create({ variant }).verify()).not.toThrow();
    expect(strategy).not.toHaveProperty('nameOfWord');
  });
});

describe('the entry point of one event loop', () => {
  it('has the variant local, with the traits that it has among all', () => {
    expect(local.variants).toEqual(['local']);
    expect(local.traits()).toBe(all.traits('local'));
  });

  it('has no memory, and says where there is one', () => {
    expect(local.byteLength(100)).toBe(0);
    const memory = new ArrayBuffer(1 << 16);
    for (const form of [() => local.create({ memory }), () => local.attach(memory)]) {
      expect(thrownBy(form)).toMatchObject({
        code: 'MMN_MEMORY',
        message: expect.stringContaining('@mmu-notifier/interval/shared takes yours'),
      });
    }
  });

  it('has no checks, and says where they are', () => {
    const notifier = local.create();
    expect(notifier).toBeInstanceOf(LocalNotifier);
    expect(thrownBy(() => notifier.verify())).toMatchObject({
      code: 'MMN_OPTION',
      message: expect.stringContaining('@mmu-notifier/interval/variants'),
    });
    expect(() => all.create({ variant: 'local' }).verify()).not.toThrow();
  });
});

it('every word of the address space and of a record has one name', () => {
  const names = Array.from({ length: 32 + 14 + 12 }, (_, word) => nameOfWord(word, 1)).slice(32);
  expect(names.slice(0, 11)).toEqual([
    'mm.lock',
    'mm.slab',
    'mm.active',
    'mm.seqLow',
    'mm.seqHigh',
    'mm.deferred',
    'mm.free',
    'mm.bump',
    'mm.count',
    'mm.released',
    'mm.seqQueue',
  ]);
  expect(names.slice(11, 24)).toEqual([
    'mm.seqQueue',
    'mm.idleQueue',
    'mm.idleQueue',
    'sub[0].seqLow',
    'sub[0].seqHigh',
    'sub[0].state',
    'sub[0].next',
    'sub[0].previous',
    'sub[0].ops',
    'sub[0].cookie',
    'sub[0].mutex',
    'sub[0].start',
    'sub[0].start',
  ]);
  expect(names.slice(24)).toEqual(['sub[0].last', 'sub[0].last']);
});

it('words before and behind them have no name', () => {
  for (const word of [-1, 0, 31, 32 + 14 + 12, 32 + 14 + 13, 2 ** 20]) {
    expect([word, nameOfWord(word, 1)]).toEqual([word, undefined]);
  }
});
