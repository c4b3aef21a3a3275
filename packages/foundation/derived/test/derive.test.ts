/** core's `derive`, under every correct strategy: core itself knows none. */
import {
  codeOf,
  collisionCounters,
  derive,
  type Derivation,
  type DeriveOptions,
  type InvalidationRange,
  type Reading,
} from '@mmu-notifier/core';
import { interval } from '@mmu-notifier/interval/variants';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { seeded } from './seed.ts';
import { rejectionOf } from './thrown.ts';
import { span, strategies, turns, World } from './world.ts';

/** Derives the sum of cells 1 and 2; `between` runs after the first was read. */
function sum(
  world: World,
  between: (attempt: number) => unknown = () => {},
  options: Partial<DeriveOptions<number>> = {},
): Promise<Derivation<number>> {
  let attempt = 0;
  return derive(world.notifier, {
    async read(reading) {
      await reading.add(span(1));
      const first = world.cell(1);
      await between(++attempt);
      await reading.add(span(2));
      return first + world.cell(2);
    },
    ...options,
  });
}

describe.each(strategies)('derive under $name', (strategy) => {
  it('installs what it read, and knows its ranges', async () => {
    const world = new World(strategy);
    const installed: number[] = [];
    const derived = await sum(world, undefined, { install: (value) => installed.push(value) });
    expect(derived).toMatchObject({ value: 0, isValid: true, spans: [span(1), span(2)] });
    expect(installed).toEqual([0]);
    await derived.close();
    expect(world.subscriptions.size).toBe(0);
  });

  it('[D1] reads again when what it had read changed before it ended', async () => {
    const world = new World(strategy);
    const installed: number[] = [];
    const counters = collisionCounters();
    let collisions = 0;
    const derived = await sum(world, (attempt) => attempt === 1 && world.change(1), {
      install: (value) => installed.push(value),
      onCollision: () => collisions++,
      counters,
    });
    expect(derived.value).toBe(1);
    expect(installed).toEqual([1]);
    expect(collisions).toBe(1);
    expect(counters).toMatchObject({ published: 1, longestRun: 1, underLock: 0 });
  });

  it('waits for the section that hit a range before it reads it again', async () => {
    const world = new World(strategy);
    const kept = await world.notifier.subscribe(span(1), { invalidate: () => {} });
    const reads: number[] = [];
    let ending: Promise<void> | undefined;
    const derived = await sum(world, async (attempt) => {
      reads.push(world.cell(1));
      if (attempt > 1) return;
      const section = await world.notifier.invalidateRangeStart(span(1));
      ending = turns().then(() => {
        world.cells.set(1, 5);
        return world.notifier.invalidateRangeEnd(section);
      });
    });
    await ending;
    expect(reads).toEqual([0, 5]);
    expect(derived.value).toBe(5);
    await kept.close();
  });

  it('does not read again for what it reads later', async () => {
    const world = new World(strategy);
    const counters = collisionCounters();
    const derived = await sum(world, () => world.change(2), { counters });
    expect(derived.value).toBe(1);
    expect(counters.longestRun).toBe(0);
  });

  it('waits for an open section before it reads the range', async () => {
    const world = new World(strategy);
    const kept = await world.notifier.subscribe(span(2), { invalidate: () => {} });
    const section = await world.notifier.invalidateRangeStart(span(2));
    let isDone = false;
    const deriving = sum(world).then((derived) => {
      isDone = true;
      return derived;
    });
    await turns();
    expect(isDone).toBe(false);
    world.cells.set(2, 5);
    await world.notifier.invalidateRangeEnd(section);
    expect((await deriving).value).toBe(5);
    await kept.close();
  });

  it('tears down once, before the start returns, whatever the section and how many ranges it hits', async () => {
    const world = new World(strategy);
    const torn: { range: InvalidationRange; cell: number }[] = [];
    const derived = await sum(world, undefined, {
      invalidate: (range) => void torn.push({ range: { ...range }, cell: world.cell(2) }),
    });
    const section = await world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(derived.isValid).toBe(false);
    expect(torn).toMatchObject([{ range: { start: 0, end: 10 }, cell: 0 }]);
    await world.notifier.invalidateRangeEnd(section);
    await world.change(1);
    expect(torn.length).toBe(1);
    await turns();
    expect(world.subscriptions.size).toBe(0); // it closed itself
    await derived.close();
  });

  it('is deaf to what it did not read in the end', async () => {
    const world = new World(strategy);
    let isFirst = true;
    const derived = await derive(world.notifier, {
      async read(reading) {
        await reading.add(span(isFirst ? 1 : 2));
        if (isFirst) await world.change(1);
        isFirst = false;
        return 0;
      },
      invalidate: () => expect.unreachable('nothing of it changed'),
    });
    expect(derived.spans).toEqual([span(2)]);
    await world.change(1);
    await turns();
    expect(derived.isValid).toBe(true);
    expect(world.subscriptions.size).toBe(1);
  });

  it('keeps every section waiting for an asynchronous teardown', async () => {
    const world = new World(strategy);
    const teardown = Promise.withResolvers<void>();
    let calls = 0;
    await sum(world, undefined, {
      invalidate() {
        calls++;
        return teardown.promise;
      },
    });
    const changed: number[] = [];
    const changes = [1, 2].map(async (at) => {
      await world.change(at);
      changed.push(at);
    });
    await turns();
    expect(changed).toEqual([]);
    teardown.resolve();
    await Promise.all(changes);
    expect(calls).toBe(1);
  });

  it('stays valid when a teardown would block, and is asked again', async () => {
    const world = new World(strategy);
    const blockable: boolean[] = [];
    const derived = await sum(world, undefined, {
      invalidate(range) {
        blockable.push(range.blockable);
        return range.blockable;
      },
    });
    expect(world.notifier.tryInvalidateRangeStart(span(1))).toBe(undefined);
    expect(derived.isValid).toBe(true);
    await world.change(1);
    expect(derived.isValid).toBe(false);
    expect(blockable).toEqual([false, true]);
  });

  it('tells the invalidator of a teardown that fails, and is over', async () => {
    for (const fail of [() => expect.unreachable('failed'), async () => expect.unreachable()]) {
      const world = new World(strategy);
      const derived = await sum(world, undefined, { invalidate: fail });
      expect((await rejectionOf((async () => world.change(1))())).code).toBe('MMN_CALLBACK_FAILED');
      expect(derived.isValid).toBe(false);
      await world.change(1);
      await turns();
      expect(world.subscriptions.size).toBe(0);
    }
  });

  it('does not report what a read throws that has collided', async () => {
    const world = new World(strategy);
    const derived = await sum(world, async (attempt) => {
      if (attempt > 1) return;
      await world.change(1);
      throw new Error('torn');
    });
    expect(derived.value).toBe(1);
    const failing = sum(world, () => {
      throw new Error('really');
    });
    expect((await rejectionOf(failing)).message).toBe('really');
    await derived.close();
    await turns();
    expect(world.subscriptions.size).toBe(0);
  });

  it('keeps a steady writer waiting at the bound', async () => {
    const world = new World(strategy);
    const counters = collisionCounters();
    const order: string[] = [];
    const changes: Promise<void>[] = [];
    const derived = await sum(
      world,
      async (attempt) => {
        changes.push((async () => world.change(1))().then(() => void order.push('changed')));
        await turns();
        order.push(`read ${attempt}`);
      },
      { attemptsMax: 2, counters, install: () => order.push('installed') },
    );
    await Promise.all(changes);
    expect(order).toEqual([
      'changed',
      'read 1',
      'changed',
      'read 2',
      'read 3',
      'installed',
      'changed',
    ]);
    expect(derived.value).toBe(2);
    expect(derived.isValid).toBe(false);
    expect(counters).toMatchObject({ longestRun: 2, underLock: 1 });
  });

  it('lets the writer go when it would wait for him, and knows that range the next time', async () => {
    const world = new World(strategy);
    const changes: unknown[] = [];
    const held = Promise.withResolvers<void>();
    let attempts = 0;
    const derived = await derive(world.notifier, {
      async read(reading) {
        await reading.add(span(1));
        const first = world.cell(1);
        if (++attempts < 3) {
          const section = world.notifier.invalidateRangeStart({ start: 1, end: 6 });
          changes.push(
            (async () => {
              const started = await section;
              world.cells.set(1, attempts);
              if (attempts === 2) await held.promise;
              await world.notifier.invalidateRangeEnd(started);
            })(),
          );
          await turns();
        }
        if (attempts < 2) return first;
        held.resolve();
        await reading.add(span(5)); // new: the section may be open on it, and waits for this read
        return first + world.cell(5);
      },
      attemptsMax: 1,
    });
    await Promise.all(changes);
    expect(derived.value).toBe(world.cell(1));
    expect(attempts).toBe(3);
  });

  it('says “would block” to who may not wait, at the bound', async () => {
    const world = new World(strategy);
    const tried: unknown[] = [];
    await sum(
      world,
      async (attempt) => {
        if (attempt === 1) await world.change(1);
        else tried.push(world.notifier.tryInvalidateRangeStart(span(1)));
      },
      { attemptsMax: 1 },
    );
    expect(tried).toEqual([undefined]);
  });

  it('keeps sections waiting for an asynchronous install', async () => {
    const world = new World(strategy);
    const order: string[] = [];
    let changing: Promise<void> | undefined;
    await sum(world, undefined, {
      async install() {
        changing = (async () => world.change(1))().then(() => void order.push('changed'));
        await turns();
        order.push('installed');
      },
      invalidate: () => void order.push('torn down'),
    });
    await changing;
    expect(order).toEqual(['installed', 'torn down', 'changed']);
  });

  it.each(['a section', 'a read'])(
    'an abort does not wait for %s, and leaves nothing behind',
    async (what) => {
      const world = new World(strategy);
      const kept = await world.notifier.subscribe(span(1), { invalidate: () => {} });
      const section =
        what === 'a section' ? await world.notifier.invalidateRangeStart(span(1)) : undefined;
      const controller = new AbortController();
      const never = new Promise<void>(() => {});
      const deriving = sum(world, () => never, {
        signal: controller.signal,
        install: () => expect.unreachable('aborted'),
      });
      await turns();
      const reason = new Error('enough');
      controller.abort(reason);
      await expect(deriving).rejects.toBe(reason);
      if (section !== undefined) await world.notifier.invalidateRangeEnd(section);
      await kept.close();
      await turns();
      expect(world.subscriptions.size).toBe(0);
      world.notifier.verify();
    },
  );

  it('[await using] lets go of its ranges', async () => {
    const world = new World(strategy);
    {
      await using derived = await sum(world, undefined, {
        invalidate: () => expect.unreachable('closed'),
      });
      expect(derived.isValid).toBe(true);
      await derived.close();
      expect(derived.isValid).toBe(false);
    }
    await world.change(1);
    expect(world.subscriptions.size).toBe(0);
  });

  it('gives up at the bound when asked to', async () => {
    const world = new World(strategy);
    const deriving = sum(world, () => world.change(1), { attemptsMax: 2, whenExhausted: 'throw' });
    expect(await rejectionOf(deriving)).toEqual({
      code: 'MMN_RETRY_EXHAUSTED',
      message: 'expected to publish within 2 attempts, but each collided with an invalidation',
    });
  });

  it('installs only what is so at that moment, in random schedules', async () => {
    const step = fc.record({ at: fc.integer({ min: 0, max: 4 }), waits: fc.nat({ max: 12 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.integer({ min: 1, max: 3 }),
        async (changes, readers, attemptsMax) => {
          const world = new World(strategy);
          const visible = new Map<number, () => void>();
          const deriving = readers.map((cells, reader) =>
            derive(world.notifier, {
              async read(reading) {
                const seen: number[][] = [];
                for (const at of cells) {
                  await reading.add(span(at));
                  seen.push([at, world.cell(at)]);
                  await turns(reader + 1);
                }
                return seen;
              },
              install(seen) {
                const check = (): void => {
                  for (const [at, value] of seen) expect(world.cell(at!)).toBe(value);
                };
                check();
                visible.set(reader, check);
              },
              invalidate: () => void visible.delete(reader),
              attemptsMax,
            }),
          );
          const writers = changes.map(async ({ at, waits }) => {
            await turns(waits);
            const section = await world.notifier.invalidateRangeStart(span(at));
            await turns(waits % 5);
            world.cells.set(at, world.cell(at) + 1);
            for (const check of visible.values()) check();
            await turns(waits % 3);
            await world.notifier.invalidateRangeEnd(section);
          });
          await Promise.all([...deriving, ...writers]);
          await Promise.all((await Promise.all(deriving)).map((derived) => derived.close()));
          await turns();
          expect(world.subscriptions.size).toBe(0);
          world.notifier.verify();
        },
      ),
      { ...seeded, numRuns: 100 },
    );
  });
});

async function read(reading: Reading): Promise<number> {
  await reading.add(span(1));
  return 1;
}

describe('misuse of derive', () => {
  it.each<[string, DeriveOptions<number>, string, string]>([
    ['no range', { read: () => 1 }, 'MMN_RANGE_EMPTY', 'to add the ranges that it reads, got none'],
    [
      'an empty range',
      { read: (r) => (r.add({ start: 1, end: 1 }), 1) },
      'MMN_RANGE_EMPTY',
      'expected span',
    ],
    [
      'an inverted range',
      { read: (r) => (r.add({ start: 2, end: 1 }), 1) },
      'MMN_RANGE_INVERTED',
      'expected span',
    ],
    [
      'a range of strings',
      { read: (r) => (r.add({ start: 'a', end: 'b' } as never), 1) },
      'MMN_ADDRESS',
      'type string',
    ],
    ['no attempts', { read, attemptsMax: 0 }, 'MMN_OPTION', 'at least 1, got 0'],
  ])('%s', async (_what, options, code, message) => {
    const world = new World(interval);
    const { code: came, message: text } = await rejectionOf(derive(world.notifier, options));
    expect(came).toBe(code);
    expect(text).toContain('expected');
    expect(text).toContain(message);
    await turns();
    expect(world.subscriptions.size).toBe(0);
  });

  test('an add that is not awaited', async () => {
    const world = new World(interval);
    const kept = await world.notifier.subscribe(span(1), { invalidate: () => {} });
    const section = await world.notifier.invalidateRangeStart(span(1));
    const deriving = derive(world.notifier, { read: (reading) => (void reading.add(span(1)), 1) });
    const { code, message } = await rejectionOf(deriving);
    expect(code).toBe('MMN_NOT_AWAITED');
    expect(message).toContain('expected read to await its add(…) calls before it returns, got 1');
    await world.notifier.invalidateRangeEnd(section);
    await kept.close();
    await turns();
    expect(world.subscriptions.size).toBe(0);
  });

  test('an add after the read', async () => {
    const world = new World(interval);
    let kept: Reading | undefined;
    await derive(world.notifier, {
      read(reading) {
        kept = reading;
        return read(reading);
      },
    });
    let thrown: unknown;
    try {
      await kept?.add(span(2));
    } catch (error) {
      thrown = error;
    }
    expect(codeOf(thrown)).toBe('MMN_CLOSED');
    expect((thrown as Error).message).toContain('got called after it');
    expect(kept?.isHit).toBe(false);
  });

  test('a notifier in shared memory', async () => {
    const memory = new SharedArrayBuffer(interval.byteLength(8));
    const notifier = interval.create({ memory, capacity: 8 });
    expect((await rejectionOf(derive(notifier, { read }))).code).toBe('MMN_OPS_UNKNOWN');
  });

  test('a released notifier', async () => {
    const notifier = interval.create();
    await notifier.release();
    expect((await rejectionOf(derive(notifier, { read }))).code).toBe('MMN_RELEASED');
  });
});
