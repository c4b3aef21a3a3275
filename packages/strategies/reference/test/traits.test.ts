/** What the strategy says of itself, and that its notifiers keep apart. */
import { describe, expect, it } from 'vitest';
import { begin, kinds, now, publish, strategy, World } from './world.ts';

describe('the strategy', () => {
  it('[T1] has traits that are frozen all through and the same for all its notifiers', () => {
    expect(Object.isFrozen(strategy) && Object.isFrozen(strategy.variants)).toBe(true);
    for (const variant of strategy.variants) {
      const traits = strategy.traits(variant);
      expect([traits.name, traits.variant]).toEqual([strategy.name, variant]);
      expect(Object.isFrozen(traits)).toBe(true);
      expect(Object.isFrozen(traits.modes) && Object.isFrozen(traits.knownRaces)).toBe(true);
      expect(strategy.create({ variant }).traits).toBe(traits);
      const memory = new SharedArrayBuffer(strategy.byteLength(1));
      strategy.create({ variant, memory, capacity: 1 });
      expect(strategy.attach(memory).traits).toBe(traits);
    }
    expect(strategy.traits()).toBe(strategy.traits(strategy.variants[0]));
  });

  it('[T1] claims to be correct, and so knows no race', () => {
    expect(strategy.traits()).toMatchObject({ correct: true, knownRaces: [] });
  });
});

describe.each(kinds)('two notifiers in %s', (kind) => {
  it('[C1] do not disturb each other', async () => {
    const [one, two] = [new World(kind), new World(kind)];
    const first = one.recorder(0, 10);
    const second = two.recorder(0, 10);
    const seq = begin(second.subscription);
    const end = one.start(0, 10);
    expect(second.calls).toEqual([]);
    expect(publish(second.subscription, seq)).toBe(true);
    await two.notifier.release();
    end();
    expect(publish(first.subscription, begin(first.subscription))).toBe(true);
    now(first.subscription.close());
  });

  it('[C1] a callback of one may use the other, also to close there', () => {
    const [one, two] = [new World(kind), new World(kind)];
    const inner = two.recorder(0, 10);
    one.subscribe(0, 10, {
      invalidate: () => {
        two.invalidate(0, 10);
        now(inner.subscription.close());
      },
    });
    one.invalidate(0, 10);
    expect(inner.calls).toHaveLength(1);
  });
});
