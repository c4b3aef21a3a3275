/** Two passes: start tearing down everywhere, then wait for all of it. */
import { describe, expect, it } from 'vitest';
import { rejectionOf, thrownBy } from './thrown.ts';
import { begin, gate, isPending, places, now, publish, World } from './world.ts';

const range = { start: 0, end: 10 };

/** Three subscribers that write down what happens; the middle one has no second pass. */
function threeSubscribers(world: World, order: string[]) {
  return ['a', 'b', 'c'].map((name, start) =>
    world.subscribe(start, 10, {
      invalidate: () => void order.push(`invalidate ${name}`),
      ...(name === 'b' ? {} : { finish: () => void order.push(`finish ${name}`) }),
    }),
  );
}

describe.each(places)('finish in %s', (kind) => {
  it('runs after every invalidate of the section, in the order of the starts, at once', () => {
    const world = new World(kind);
    const order: string[] = [];
    threeSubscribers(world, order);
    const end = world.start(0, 10);
    expect(order).toEqual(['invalidate a', 'invalidate b', 'invalidate c', 'finish a', 'finish c']);
    end();
    expect(order).toHaveLength(5);
  });

  it('runs only for who was hit', () => {
    const world = new World(kind);
    const order: string[] = [];
    threeSubscribers(world, order);
    world.invalidate(0, 1);
    expect(order).toEqual(['invalidate a', 'finish a']);
    world.invalidate(50, 60);
    expect(order).toHaveLength(2);
  });

  it('runs without the driver’s lock and before readers go on', async () => {
    const world = new World(kind);
    const locked: boolean[] = [];
    const subscription = world.subscribe(0, 10, {
      invalidate: () => void locked.push(!subscription.lock.tryLock()),
      finish: () => {
        const wasFree = subscription.lock.tryLock();
        if (wasFree) subscription.lock.unlock();
        locked.push(!wasFree);
      },
    });
    const end = world.start(0, 10);
    expect(locked).toEqual([true, false]);
    expect(await isPending(subscription.readBegin())).toBe(true);
    end();
  });

  it('may sleep: start returns when all have finished, and each begins when the one before is over', async () => {
    const world = new World(kind);
    const gates = [gate(), gate()];
    const order: string[] = [];
    gates.forEach(({ promise }, i) =>
      world.subscribe(i, 10, {
        invalidate: () => {},
        finish: () => {
          order.push(`finish ${i}`);
          return promise;
        },
      }),
    );
    const started = world.notifier.invalidateRangeStart(range);
    expect(await isPending(started)).toBe(true);
    expect(order).toEqual(['finish 0']);
    gates[0]!.open();
    expect(await isPending(started)).toBe(true);
    expect(order).toEqual(['finish 0', 'finish 1']);
    gates[1]!.open();
    now(world.notifier.invalidateRangeEnd(await started));
    world.verify();
  });

  it('runs after an invalidate that slept', async () => {
    const world = new World(kind);
    const opened = gate();
    const order: string[] = [];
    world.subscribe(0, 10, {
      invalidate: () => opened.promise.then(() => void order.push('invalidate slow')),
      finish: () => void order.push('finish slow'),
    });
    world.subscribe(1, 10, {
      invalidate: () => void order.push('invalidate fast'),
      finish: () => void order.push('finish fast'),
    });
    const started = world.notifier.invalidateRangeStart(range);
    expect(await isPending(started)).toBe(true);
    expect(order).toEqual([]);
    opened.open();
    now(world.notifier.invalidateRangeEnd(await started));
    expect(order).toEqual(['invalidate slow', 'invalidate fast', 'finish slow', 'finish fast']);
  });

  it('[E1] that throws or rejects is told on, the others still run, and the section is ended', async () => {
    const world = new World(kind);
    const reason = new Error('broken');
    const finished: string[] = [];
    const failing = [
      () => {
        throw reason;
      },
      () => Promise.reject(reason),
    ];
    for (const finish of failing) {
      const first = world.subscribe(0, 10, { invalidate: () => {}, finish });
      const second = world.subscribe(1, 10, {
        invalidate: () => {},
        finish: () => void finished.push('second'),
      });
      const failed = await rejectionOf(() => world.notifier.invalidateRangeStart(range));
      expect(failed).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: reason });
      expect(world.active).toBe(0);
      expect(publish(first, begin(first))).toBe(true);
      now(first.close());
      now(second.close());
      world.verify();
    }
    expect(finished).toEqual(['second', 'second']);
  });

  it('[E1] does not hide what failed before it in the first pass', async () => {
    const world = new World(kind);
    const [inFirstPass, inSecondPass] = [new Error('first pass'), new Error('second pass')];
    world.subscribe(0, 10, {
      invalidate: () => {
        throw inFirstPass;
      },
      finish: () => {
        throw inSecondPass;
      },
    });
    const { notifier } = world;
    expect((await rejectionOf(() => notifier.invalidateRangeStart(range))).cause).toBe(inFirstPass);
    expect(thrownBy(() => notifier.invalidateRangeStartSync(range)).cause).toBe(inFirstPass);
    expect(thrownBy(() => notifier.tryInvalidateRangeStart(range)).cause).toBe(inFirstPass);
    world.verify();
  });

  it('that never settles is left to itself when the signal aborts; the others are called without waiting', async () => {
    const world = new World(kind);
    const controller = new AbortController();
    const reason = new Error('enough');
    let others = 0;
    world.subscribe(0, 10, { invalidate: () => {}, finish: () => new Promise(() => {}) });
    for (const start of [1, 2]) {
      world.subscribe(start, 10, {
        invalidate: () => {},
        finish: () => {
          others++;
          return new Promise(() => {});
        },
      });
    }
    const started = world.notifier.invalidateRangeStart(range, controller.signal);
    expect(await isPending(started)).toBe(true);
    expect(others).toBe(0);
    controller.abort(reason);
    await expect(started).rejects.toBe(reason);
    expect(others).toBe(2);
    expect(world.active).toBe(0);
    world.verify();
  });

  it('runs for those whose invalidate had run when the signal aborts in the first pass', async () => {
    const world = new World(kind);
    const controller = new AbortController();
    const reason = new Error('enough');
    const finished: number[] = [];
    for (const start of [0, 1, 2, 3]) {
      world.subscribe(start, 10, {
        invalidate: () => (start === 2 ? new Promise<void>(() => {}) : undefined),
        finish: () => void finished.push(start),
      });
    }
    const started = world.notifier.invalidateRangeStart(range, controller.signal);
    controller.abort(reason);
    await expect(started).rejects.toBe(reason);
    expect(finished).toEqual([0, 1]);
    world.verify();
  });

  it('runs at once in a …Sync section, and must not return a promise there', () => {
    const world = new World(kind);
    const order: string[] = [];
    threeSubscribers(world, order);
    const { notifier } = world;
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(range));
    expect(order).toHaveLength(5);
    world.subscribe(5, 6, { invalidate: () => {}, finish: async () => {} });
    expect(thrownBy(() => notifier.invalidateRangeStartSync(range)).code).toBe(
      'MMN_CALLBACK_ASYNC',
    );
    world.verify();
  });
});

describe.each(places)('the owner in %s', (kind) => {
  const owner = { name: 'device 0' };

  it.each(['MIGRATE', 'EXCLUSIVE'] as const)(
    'is not told of its own %s, in neither pass, and its readers go on',
    (event) => {
      const world = new World(kind);
      const told: string[] = [];
      const own = world.subscribe(0, 10, {
        owner,
        invalidate: () => void told.push('own'),
        finish: () => void told.push('own finish'),
      });
      world.subscribe(0, 10, { owner: {}, invalidate: () => void told.push('other') });
      world.subscribe(0, 10, { invalidate: () => void told.push('unowned') });
      const seq = begin(own);
      const invalidation = now(world.notifier.invalidateRangeStart({ ...range, event, owner }));
      expect(told).toEqual(['other', 'unowned']);
      expect(publish(own, seq)).toBe(true);
      expect(publish(own, begin(own))).toBe(true);
      now(world.notifier.invalidateRangeEnd(invalidation));
      world.verify();
    },
  );

  it.each([
    'CLEAR',
    'UNMAP',
    'PROTECTION_VMA',
    'PROTECTION_PAGE',
    'SOFT_DIRTY',
    'RELEASE',
  ] as const)('is told of its own %s like anybody', (event) => {
    const world = new World(kind);
    let told = 0;
    world.subscribe(0, 10, { owner, invalidate: () => void told++ });
    now(world.notifier.invalidateRangeStart({ ...range, event, owner }));
    expect(told).toBe(1);
  });

  it('is told of MIGRATE and EXCLUSIVE of nobody and of somebody else', () => {
    const world = new World(kind);
    let told = 0;
    world.subscribe(0, 10, { owner, invalidate: () => void told++ });
    for (const event of ['MIGRATE', 'EXCLUSIVE'] as const) {
      now(world.notifier.invalidateRangeStart({ ...range, event }));
      now(world.notifier.invalidateRangeStart({ ...range, event, owner: { ...owner } }));
    }
    expect(told).toBe(4);
  });

  it('and one without an owner is told when the section has none either', () => {
    const world = new World(kind);
    const { calls } = world.recorder(0, 10);
    world.start(0, 10, 'MIGRATE')();
    expect(calls).toHaveLength(1);
  });
});
