/** What the strategy says of itself, and that two of its notifiers have nothing to do with each other. */
import { describe, expect, it } from 'vitest';
import { interval } from '../src/variants.ts';
import { begin, kinds, now, publish, variants, World } from './world.ts';

describe('the strategy', () => {
  it('[T1] has traits that are frozen all through and the same for all its notifiers', () => {
    for (const variant of interval.variants) {
      const traits = interval.traits(variant);
      expect(Object.isFrozen(traits)).toBe(true);
      expect(Object.isFrozen(traits.modes)).toBe(true);
      expect(Object.isFrozen(traits.knownRaces)).toBe(true);
      expect(traits).toMatchObject({ name: interval.name, variant });
      for (const kind of traits.modes) {
        expect(new World(kind, { variant }).notifier.traits).toBe(traits);
      }
      expect(traits.modes.length).toBe(variant === 'local' ? 1 : 2);
    }
    expect(interval.traits()).toBe(interval.traits('landed'));
    expect(Object.isFrozen(interval)).toBe(true);
  });

  it('[T1] claims to be correct as landed, and tells v1’s defects by their ids', () => {
    expect(interval.traits('landed')).toMatchObject({ correct: true, knownRaces: [] });
    expect(interval.traits('v1').correct).toBe(false);
    expect(interval.traits('v1').knownRaces.map(({ id }) => id)).toEqual([
      'U-1',
      'U-3',
      'U-4',
      'U-5',
      'U-7',
      'U-8',
    ]);
  });

  it('grows linearly in bytes', () => {
    const perSubscription = (interval.byteLength(2_000) - interval.byteLength(1_000)) / 1_000;
    expect(interval.byteLength(1)).toBeLessThan(4096);
    expect(perSubscription).toBeGreaterThan(64);
    expect(perSubscription).toBeLessThan(256);
  });

  it('attach in one event loop is the notifier that is there, also after it grew', () => {
    const memory = new ArrayBuffer(interval.byteLength(4));
    const created = interval.create({ memory, capacity: 4 });
    expect(interval.attach(memory)).toBe(created);
    const growing = interval.create({ capacity: 1 });
    const before = growing.memory;
    for (let i = 0; i < 3; i++) growing.subscribe({ start: 0, end: 1 }, { invalidate: () => {} });
    expect(growing.memory).not.toBe(before);
    expect(interval.attach(growing.memory)).toBe(growing);
    expect(() => interval.attach(before)).toThrow(/before it grew/);
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
    now(second.subscription.close());
    await two.notifier.release();
    end();
    expect(publish(first.subscription, begin(first.subscription))).toBe(true);
    one.verify();
    two.verify();
  });

  it('[C1] a callback of one may use the other', () => {
    const [one, two] = [new World(kind), new World(kind)];
    const inner = two.recorder(0, 10);
    one.subscribe(0, 10, { invalidate: () => two.invalidate(0, 10) });
    one.invalidate(0, 10);
    expect(inner.calls).toHaveLength(1);
  });

  it('[C1] of all variants live side by side', () => {
    const worlds = variants.map((variant) => new World(kind, { variant }));
    for (const world of worlds) {
      const { calls } = world.recorder(0, 10);
      world.invalidate(0, 10);
      expect(calls).toHaveLength(1);
      world.verify();
    }
  });
});
