/** What the strategy says of itself. */
import { check, codeFrom, codeOfCall, equal } from '../check.ts';
import { key, type Key } from '../key.ts';
import { sharedMemory } from '../turns.ts';

export const traitKeys: readonly Key[] = [
  key(
    'T1',
    'has traits that are frozen all through, and equal for all its notifiers',
    { way: 'once', source: 'abstract-level test/common.js:29-41' },
    ({ subject: { strategy, variant, traits } }) => {
      check(Object.isFrozen(strategy.variants), 'variants to be frozen');
      check(strategy.variants.includes(variant), `'${variant}' among the variants`);
      check(strategy.traits() === strategy.traits(strategy.variants[0]), 'the first as default');
      equal([traits.name, traits.variant], [strategy.name, variant], 'name and variant');
      const frozen = [traits, traits.modes, traits.knownRaces, ...traits.knownRaces];
      check(frozen.every(Object.isFrozen), 'traits to be frozen all through');
      check(strategy.create({ variant }).traits === traits, 'a notifier to have the same traits');
      check(traits.modes.includes('event-loop'), 'the mode event-loop');
      const ids = traits.knownRaces.map(({ id }) => id);
      equal(new Set(ids).size, ids.length, 'different ids of races');
    },
  ),
  key(
    'T1.attach',
    'finds the notifier, its variant and its traits in memory that another agent laid out',
    { when: 'shared memory', way: 'once', source: 'ours: Strategy.attach' },
    ({ subject: { strategy, variant, traits } }) => {
      const memory = sharedMemory(strategy.byteLength(2, variant));
      const here = strategy.create({ variant, memory, capacity: 2 });
      const there = strategy.attach(memory);
      check(here.traits === traits && there.traits === traits, 'the same traits');
      for (const notifier of [here, there]) notifier.registerOps(0, { invalidate: () => {} });
      const subscription = here.subscribeSync({ start: 0, end: 10 }, 0);
      const seq = subscription.readBeginSync();
      const section = there.invalidateRangeStartSync({ start: 0, end: 10 });
      there.invalidateRangeEndSync(section);
      if (traits.retryScope !== 'none') {
        equal(
          subscription.publishSync(seq, () => {}),
          false,
          'a read from before',
        );
      }
      subscription.closeSync();
      here.verify();
    },
  ),
  key(
    'T2',
    'refuses a variant that does not exist, memory that is none, and attaching to no notifier, with its code',
    { way: 'once', source: 'ours: Strategy' },
    async ({ subject: { strategy, variant } }) => {
      const strange = 'a variant that nobody has';
      equal(
        codeOfCall(() => strategy.traits(strange)),
        'MMN_OPTION',
        'traits',
      );
      equal(
        codeOfCall(() => strategy.create({ variant: strange })),
        'MMN_OPTION',
        'create',
      );
      const bad = 'memory' as unknown as ArrayBuffer;
      const code = await codeFrom(() => strategy.create({ variant, memory: bad, capacity: 4 }));
      equal(code, 'MMN_MEMORY', 'create in no memory');
      const memory = new ArrayBuffer(strategy.byteLength(4, variant));
      equal(await codeFrom(() => strategy.attach(memory)), 'MMN_MEMORY', 'attach to zeros');
    },
  ),
  key(
    'T3',
    'has memory linear in the subscriptions, and refuses a capacity that is none',
    { when: 'shared memory', way: 'once', source: 'ours: Strategy.byteLength' },
    ({ subject: { strategy } }) => {
      const [small, large] = [strategy.byteLength(64), strategy.byteLength(6400)];
      check(large > small && large < small * 120, 'bytes in proportion to the capacity');
      check(Number.isInteger(small / 8), 'a multiple of 8 bytes');
      for (const capacity of [0, -1, 0.5, NaN, '8'] as number[]) {
        equal(
          codeOfCall(() => strategy.byteLength(capacity)),
          'MMN_OPTION',
          `${capacity}`,
        );
      }
    },
  ),
  key(
    'T4',
    'refuses shared memory, which it says it does not serve',
    { when: 'no shared memory', way: 'once', source: 'ours: Traits.modes' },
    async ({ subject: { strategy, variant } }) => {
      const memory = sharedMemory(strategy.byteLength(4, variant));
      const code = await codeFrom(() => strategy.create({ variant, memory, capacity: 4 }));
      check(
        code === 'MMN_OPTION' || code === 'MMN_MEMORY',
        `MMN_OPTION or MMN_MEMORY, got ${code}`,
      );
    },
  ),
];
