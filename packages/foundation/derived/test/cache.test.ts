/** The cache: who gets which build's value, what is dropped when, and that nobody starves. */
import { changeRange, type Reading } from '@mmu-notifier/core';
import { interval } from '@mmu-notifier/interval/variants';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createDerivedCache, type DerivedCacheOptions } from '../src/index.ts';
import { seeded } from './seed.ts';
import { rejectionOf, thrownBy } from './thrown.ts';
import { span, strategies, turns, World, type AnyStrategy } from './world.ts';

/** A cache of ten times a cell's content; `during` runs between the read and the result. */
function setUp(
  strategy: AnyStrategy = interval,
  options: Partial<DerivedCacheOptions<number, number>> = {},
  during: (build: number, signal: AbortSignal) => unknown = () => turns(5),
) {
  const world = new World(strategy);
  const builds: number[] = [];
  const cache = createDerivedCache<number, number>(world.notifier, {
    async build(at, reading: Reading, signal) {
      builds.push(at);
      await reading.add(span(at));
      const value = world.cell(at);
      await during(builds.length, signal);
      return value * 10;
    },
    ...options,
  });
  return { world, cache, builds };
}

describe.each(strategies)('a cache under $name', (strategy) => {
  it('builds once for all who ask, and then answers at once', async () => {
    const { cache, builds } = setUp(strategy);
    expect(await Promise.all([cache.get(1), cache.get(1), cache.get(1)])).toEqual([0, 0, 0]);
    expect(cache.peek(1)).toBe(0);
    await cache.get(1);
    expect(builds).toEqual([1]);
    expect(cache.counters).toMatchObject({ hits: 1, misses: 1, joins: 2, collisions: 0 });
    expect(cache.size).toBe(1);
  });

  it('drops a value before the section over its range has started', async () => {
    const dropped: unknown[] = [];
    const { world, cache } = setUp(strategy, {
      discard: (value, key) => void dropped.push([value, key, world.cell(1)]),
    });
    await cache.get(1);
    await cache.get(2);
    await world.change(1);
    expect(dropped).toEqual([[0, 1, 0]]);
    expect([cache.peek(1), cache.peek(2), cache.size]).toEqual([undefined, 0, 1]);
    expect(await cache.get(1)).toBe(10);
    expect(cache.counters).toMatchObject({ invalidations: 1, misses: 3 });
  });

  it('[C1] does not let a caller join a build that has collided', async () => {
    const first = Promise.withResolvers<void>();
    const { world, cache, builds } = setUp(strategy, {}, (build) => build === 1 && first.promise);
    const before = cache.get(1);
    await turns();
    await world.change(1);
    expect(await cache.get(1)).toBe(10); // while the first is still on its way
    expect(builds.length).toBe(2);
    first.resolve();
    expect(await before).toBe(10); // and did not build again
    expect(builds.length).toBe(2);
    expect(cache.counters).toMatchObject({ collisions: 1, misses: 2 });
  });

  it('[C2] builds anew what changed without a word, after invalidateAll', async () => {
    const first = Promise.withResolvers<void>();
    const { world, cache } = setUp(strategy, {}, (build) => build === 1 && first.promise);
    const before = cache.get(1);
    await turns();
    await cache.get(2);
    world.cells.set(1, 7).set(2, 8);
    expect(cache.peek(2)).toBe(0); // nobody told
    await cache.invalidateAll();
    expect(cache.peek(2)).toBe(undefined);
    const after = cache.get(1);
    first.resolve();
    expect(await Promise.all([before, after, cache.get(2)])).toEqual([70, 70, 80]);
  });

  it('[C3] is not starved by a steady writer', async () => {
    const changes: Promise<void>[] = [];
    const { world, cache, builds } = setUp(strategy, { attemptsMax: 3 }, async () => {
      changes.push((async () => world.change(1))());
      await turns();
    });
    const values = await Promise.all([cache.get(1), cache.get(1)]);
    await Promise.all(changes);
    expect(values).toEqual([40, 40]); // three builds, and one by which the last kept nobody waiting yet
    expect(builds.length).toBe(5);
    expect(cache.counters.collisions).toBe(3);
  });

  it('tells all who wait of a build that fails, and keeps nothing', async () => {
    const { cache, builds } = setUp(strategy, {}, (build) => {
      if (build === 1) throw new Error('no value');
    });
    const failing = [cache.get(1), cache.get(1)].map((getting) => rejectionOf(getting));
    expect((await Promise.all(failing)).map(({ message }) => message)).toEqual([
      'no value',
      'no value',
    ]);
    expect(await cache.get(1)).toBe(0);
    expect(builds.length).toBe(2);
  });

  it('runs a build again that failed because it was torn', async () => {
    const { world, cache } = setUp(strategy, {}, async (build) => {
      if (build > 1) return;
      await world.change(1);
      throw new Error('torn');
    });
    expect(await cache.get(1)).toBe(10);
  });

  it('lets one caller give up, and stops the build when the last does', async () => {
    const signals: AbortSignal[] = [];
    const { world, cache, builds } = setUp(strategy, {}, (build, signal) => {
      signals.push(signal);
      return build === 1 ? new Promise(() => {}) : undefined;
    });
    const [one, other] = [new AbortController(), new AbortController()];
    const getting = [one, other].map(({ signal }) => rejectionOf(cache.get(1, { signal })));
    await turns();
    one.abort(new Error('one'));
    expect((await getting[0])?.message).toBe('one');
    expect(signals[0]?.aborted).toBe(false);
    other.abort(new Error('other'));
    expect((await getting[1])?.message).toBe('other');
    expect(signals[0]?.aborted).toBe(true);
    expect(await cache.get(1)).toBe(0); // by a build of its own
    expect(builds.length).toBe(2);
    await cache.close();
    await turns();
    expect(world.subscriptions.size).toBe(0);
  });

  it('keeps as many values as it may, the youngest', async () => {
    const dropped: number[] = [];
    const { world, cache } = setUp(strategy, {
      valuesMax: 2,
      discard: (_value, key) => void dropped.push(key),
    });
    for (const at of [1, 2, 1, 3]) await cache.get(at);
    expect(dropped).toEqual([2]);
    expect(cache.size).toBe(2);
    await turns();
    expect(world.subscriptions.size).toBe(2);
    expect(cache.counters.evictions).toBe(1);
  });

  it('[await using] closes: waiting callers are told, ranges let go, values discarded', async () => {
    const dropped: number[] = [];
    const options = { discard: (value: number) => void dropped.push(value) };
    const { world, cache } = setUp(
      strategy,
      options,
      (build) => build > 1 && new Promise(() => {}),
    );
    let waiting: Promise<unknown>;
    {
      await using kept = cache;
      await kept.get(1);
      waiting = rejectionOf(kept.get(2));
      await turns();
    }
    expect(await waiting).toMatchObject({ code: 'MMN_CLOSED' });
    expect(await rejectionOf(cache.get(1))).toEqual({
      code: 'MMN_CLOSED',
      message: 'expected an open cache, got a closed one',
    });
    await cache.close();
    await turns();
    expect(dropped).toEqual([0]);
    expect(world.subscriptions.size).toBe(0);
    await world.change(1);
  });

  it('serves only what is so, in random schedules', async () => {
    const at = fc.integer({ min: 0, max: 2 });
    const wait = fc.nat({ max: 15 });
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('get'), at, wait }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('change'), at, wait }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort'), at, wait }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose'), at, wait }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, valuesMax, attemptsMax) => {
          const world = new World(strategy);
          let generation = 0;
          const isFine: boolean[] = [];
          const running = new Map<number, Set<() => boolean>>();
          const cache = createDerivedCache<number, readonly number[]>(world.notifier, {
            async build(first, reading, signal) {
              const born = generation;
              const isFresh = (): boolean =>
                !reading.isHit && !signal.aborted && born === generation;
              const others = running.get(first) ?? new Set();
              running.set(first, others.add(isFresh));
              const seen: number[] = [];
              try {
                for (const cell of [first, first + 1]) {
                  await reading.add(span(cell));
                  seen.push(world.cell(cell));
                  await turns(3);
                  expect([...others].filter((each) => each()).length).toBeLessThanOrEqual(1);
                }
              } finally {
                others.delete(isFresh);
              }
              return seen;
            },
            valuesMax,
            attemptsMax,
          });
          const now = (key: number): number[] => [world.cell(key), world.cell(key + 1)];
          const check = (): void => {
            for (const key of [0, 1, 2]) expect(cache.peek(key) ?? now(key)).toEqual(now(key));
          };
          const play = async ({ kind, at: key, wait: turnsBefore }: (typeof steps)[number]) => {
            await turns(turnsBefore);
            check();
            if (kind === 'lose') {
              world.cells.set(key, world.cell(key) + 1);
              generation++;
              await cache.invalidateAll();
            } else if (kind === 'change') {
              await changeRange(world.notifier, span(key), async () => {
                world.cells.set(key, world.cell(key) + 1);
                check();
                await turns(turnsBefore % 4);
              });
            } else {
              const controller = new AbortController();
              const getting = cache.get(key, { signal: controller.signal });
              const gaveUp =
                kind === 'abort' && turns(turnsBefore % 4).then(() => controller.abort());
              const oldest = now(key);
              const got = await getting.catch(() => undefined);
              await gaveUp;
              const isFresh = got?.every((value, index) => value >= oldest[index]!);
              isFine.push(isFresh ?? kind === 'abort');
            }
            check();
          };
          await Promise.all(steps.map((each) => play(each)));
          expect(isFine).not.toContain(false);
          expect(cache.size).toBeLessThanOrEqual(valuesMax);
          await cache.close();
          await turns();
          expect(world.subscriptions.size).toBe(0);
          world.notifier.verify();
        },
      ),
      { ...seeded, numRuns: 100 },
    );
  });
});

test('keys are told apart by keyOf', async () => {
  const notifier = interval.create();
  const cache = createDerivedCache<{ id: number }, number>(notifier, {
    async build({ id }, reading) {
      await reading.add(span(id));
      return id;
    },
    keyOf: ({ id }) => id,
  });
  await Promise.all([cache.get({ id: 1 }), cache.get({ id: 1 }), cache.get({ id: 2 })]);
  expect(cache.counters).toMatchObject({ misses: 2, joins: 1 });
  expect(cache.peek({ id: 2 })).toBe(2);
});

test.each(Array.from({ length: 10 }, (_, turn) => turn))(
  'closing, or giving up, %i turns after a build’s end keeps nothing that nobody lets go of',
  async (turn) => {
    for (const ends of ['close', 'abort'] as const) {
      const controller = new AbortController();
      const { world, cache } = setUp(interval, {}, () => {
        void turns(turn).then(() => (ends === 'close' ? cache.close() : controller.abort()));
      });
      await cache.get(1, { signal: controller.signal }).catch(() => {});
      await turns();
      expect(cache.size).toBe(ends === 'close' ? 0 : world.subscriptions.size);
      await cache.close();
      await turns();
      expect([cache.size, world.subscriptions.size]).toEqual([0, 0]);
    }
  },
);

test('an aborted signal starts nothing', async () => {
  const { cache, builds } = setUp();
  await expect(cache.get(1, { signal: AbortSignal.abort(new Error('late')) })).rejects.toThrow(
    'late',
  );
  expect(builds).toEqual([]);
});

test('invalidateAll waits for what discard waits for', async () => {
  const discarding = Promise.withResolvers<void>();
  const { cache } = setUp(interval, { discard: () => discarding.promise });
  await cache.get(1);
  let isDone = false;
  const invalidated = Promise.resolve(cache.invalidateAll()).then(() => (isDone = true));
  await turns();
  expect([isDone, cache.peek(1)]).toEqual([false, undefined]);
  discarding.resolve();
  expect(await invalidated).toBe(true);
});

describe('misuse', () => {
  it.each([
    ['valuesMax', 0],
    ['valuesMax', 1.5],
    ['attemptsMax', -1],
    ['attemptsMax', Number.NaN],
  ])('%s of %s', (name, count) => {
    expect(thrownBy(() => setUp(interval, { [name]: count }))).toEqual({
      code: 'MMN_OPTION',
      message: `expected ${name} to be an integer of at least 1, got ${count}`,
    });
  });

  it('a build that adds no range', async () => {
    const cache = createDerivedCache<number, number>(interval.create(), { build: () => 1 });
    expect((await rejectionOf(cache.get(1))).code).toBe('MMN_RANGE_EMPTY');
  });
});
