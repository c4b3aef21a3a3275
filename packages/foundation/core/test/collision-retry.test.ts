/** The retry loop: bound, abort, back-off, progress at the bound, counters; both forms where both can do it. */
import { describe, expect, it } from 'vitest';
import {
  collisionCounters,
  collisionRetry,
  collisionRetrySync,
  type CollisionRetryOptions,
  type CollisionRetrySyncOptions,
} from '../src/index.ts';
import { FakeSubscription } from './fake-subscription.ts';
import { rejectionOf } from './thrown.ts';

type SharedOptions = CollisionRetryOptions<number> & CollisionRetrySyncOptions<number>;

const neverInstall = (): void => expect.unreachable('nothing may be installed');

/** Both forms as one signature; every test in this block runs with each. */
const forms = [
  { form: 'collisionRetry', retry: collisionRetry<number> },
  {
    form: 'collisionRetrySync',
    retry: async (subscription: FakeSubscription, options: SharedOptions) =>
      collisionRetrySync(subscription, options),
  },
];

describe.each(forms)('$form', ({ retry }) => {
  it('publishes at the first attempt when nothing collides', async () => {
    const subscription = new FakeSubscription();
    const counters = collisionCounters();
    const installed: number[] = [];
    const value = await retry(subscription, {
      read: () => 7,
      install: (v) => installed.push(v),
      counters,
    });
    expect(value).toBe(7);
    expect(installed).toEqual([7]);
    expect(counters).toEqual({ ...collisionCounters(), published: 1 });
  });

  it('reads again after a collision, and installs only what it read last', async () => {
    const subscription = new FakeSubscription();
    const installed: number[] = [];
    let reads = 0;
    const read = (): number => {
      const { version } = subscription;
      if (reads++ < 3) subscription.trySection();
      return version;
    };
    expect(await retry(subscription, { read, install: (v) => installed.push(v) })).toBe(3);
    expect(installed).toEqual([3]);
    expect(reads).toBe(4);
  });

  it('does not ask publish when the hint is certain already', async () => {
    const subscription = new FakeSubscription();
    let asked = 0;
    const { publish } = subscription;
    subscription.publish = (...args) => {
      asked++;
      return publish.apply(subscription, args);
    };
    let reads = 0;
    const read = (): number => {
      if (reads++ === 0) subscription.trySection();
      return 0;
    };
    await retry(subscription, { read, install: () => {} });
    expect(asked).toBe(1);
  });

  it('tells collisions apart by asking the caller', async () => {
    const subscription = new FakeSubscription();
    const counters = collisionCounters();
    let reads = 0;
    const read = (): number => {
      const { version } = subscription;
      if (++reads <= 5) {
        subscription.trySection();
        if (reads <= 2) subscription.version = version; // this section changed another part
      }
      return version;
    };
    const collided = (version: number): boolean => version !== subscription.version;
    await retry(subscription, { read, install: () => {}, collided, counters });
    expect(counters).toEqual({
      published: 1,
      trueCollisions: 3,
      falseCollisions: 2,
      unclassifiedCollisions: 0,
      longestRun: 5,
      underLock: 0,
    });
  });

  it('counts collisions that nobody classifies, and keeps the longest run over loops', async () => {
    const subscription = new FakeSubscription();
    const counters = collisionCounters();
    for (const collisions of [2, 4, 1]) {
      let left = collisions;
      const read = (): number => {
        if (left-- > 0) subscription.trySection();
        return 0;
      };
      await retry(subscription, { read, install: () => {}, counters });
    }
    expect(counters).toMatchObject({ published: 3, unclassifiedCollisions: 7, longestRun: 4 });
  });

  it('calls back-off with the attempt that was refused', async () => {
    const subscription = new FakeSubscription();
    const attempts: number[] = [];
    let left = 3;
    const read = (): number => {
      if (left-- > 0) subscription.trySection();
      return 0;
    };
    const backoff = (attempt: number): void => void attempts.push(attempt);
    await retry(subscription, { read, install: () => {}, backoff });
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('reads under the lock at the bound, so that a writer that always collides cannot overtake', async () => {
    const subscription = new FakeSubscription();
    const counters = collisionCounters();
    const overtook: boolean[] = [];
    const installed: number[] = [];
    const read = (): number => {
      const { version } = subscription;
      overtook.push(subscription.trySection());
      return version;
    };
    const value = await retry(subscription, {
      read,
      install: (v) => installed.push(v),
      attemptsMax: 5,
      counters,
    });
    expect(overtook).toEqual([true, true, true, true, true, false]);
    expect(value).toBe(subscription.version);
    expect(installed).toEqual([5]);
    expect(counters).toEqual({
      ...collisionCounters(),
      published: 1,
      unclassifiedCollisions: 5,
      longestRun: 5,
      underLock: 1,
    });
    expect(subscription.isLocked).toBe(false);
  });

  it('goes on at the bound when a section opens before the lock is taken', async () => {
    const subscription = new FakeSubscription();
    const counters = collisionCounters();
    const attempts: number[] = [];
    let begun = 0;
    subscription.onReadBegin = () => {
      // Three times the reader goes on with a seq that is stale already.
      if (++begun <= 3) subscription.trySection();
    };
    const value = await retry(subscription, {
      read: () => subscription.version,
      install: () => {},
      attemptsMax: 1,
      backoff: (attempt) => void attempts.push(attempt),
      counters,
    });
    expect(value).toBe(3);
    expect(counters).toMatchObject({ underLock: 1, longestRun: 3, unclassifiedCollisions: 3 });
    expect(attempts).toEqual([2, 3]);
  });

  it('gives up at the bound when asked to', async () => {
    const subscription = new FakeSubscription();
    const counters = collisionCounters();
    let reads = 0;
    const read = (): number => {
      reads++;
      subscription.trySection();
      return 0;
    };
    const retried = retry(subscription, {
      read,
      install: neverInstall,
      attemptsMax: 3,
      whenExhausted: 'throw',
      counters,
    });
    expect(await rejectionOf(retried)).toEqual({
      code: 'MMN_RETRY_EXHAUSTED',
      message: 'expected to publish within 3 attempts, but each collided with an invalidation',
    });
    expect(reads).toBe(3);
    expect(counters).toMatchObject({ published: 0, longestRun: 3 });
  });

  it('has a bound of 16 attempts by default', async () => {
    const subscription = new FakeSubscription();
    let reads = 0;
    const read = (): number => {
      reads++;
      subscription.trySection();
      return 0;
    };
    await rejectionOf(retry(subscription, { read, install: () => {}, whenExhausted: 'throw' }));
    expect(reads).toBe(16);
  });

  it.each([0, -1, 1.5, NaN, Infinity, '3'])('refuses %s attempts', async (attemptsMax) => {
    const options = { read: () => 0, install: () => {}, attemptsMax: attemptsMax as number };
    expect(await rejectionOf(retry(new FakeSubscription(), options))).toEqual({
      code: 'MMN_OPTION',
      message: `expected attemptsMax to be an integer of at least 1, got ${attemptsMax}`,
    });
  });

  it.each([
    ['read', 1],
    ['install', 1],
    ['read under the lock', 2],
    ['install under the lock', 2],
  ])('passes on what %s throws, and holds no lock then', async (where, attempt) => {
    const subscription = new FakeSubscription();
    let reads = 0;
    const throws = (what: string): void => {
      if (where.startsWith(what) && reads === attempt) throw new Error(`${what} failed`);
    };
    const read = (): number => {
      reads++;
      throws('read');
      if (attempt === 2) subscription.trySection();
      return 0;
    };
    const install = (): void => throws('install');
    const retried = retry(subscription, { read, install, attemptsMax: 1 });
    expect((await rejectionOf(retried)).message).toMatch(/^(read|install) failed$/);
    expect(reads).toBe(attempt);
    expect(subscription.isLocked).toBe(false);
    expect(await retry(subscription, { read: () => 1, install: () => {} })).toBe(1);
  });
});

describe('collisionRetry', () => {
  it('waits for the section that is open', async () => {
    const subscription = new FakeSubscription();
    subscription.tryStart();
    const retried = collisionRetry(subscription, {
      read: () => subscription.version,
      install: () => {},
    });
    await turns(20);
    subscription.endSection();
    expect(await retried).toBe(1);
  });

  it('passes seq and signal to read', async () => {
    const subscription = new FakeSubscription();
    subscription.seq = 42;
    const { signal } = new AbortController();
    const retried = collisionRetry<unknown[]>(subscription, {
      read: async (...given) => given,
      install: () => {},
      signal,
    });
    expect(await retried).toEqual([42, signal]);
  });

  it('makes blockable sections wait for a slow read at the bound', async () => {
    const subscription = new FakeSubscription();
    const sections: Promise<void>[] = [];
    const installed: number[] = [];
    const read = async (): Promise<number> => {
      const { version } = subscription;
      sections.push(subscription.section());
      await turns(10);
      return version;
    };
    const install = (version: number): void => void installed.push(version);
    expect(await collisionRetry(subscription, { read, install, attemptsMax: 4 })).toBe(4);
    expect(installed).toEqual([4]);
    await Promise.all(sections);
    expect(subscription.version).toBe(5);
  });

  it('leaves no gap at the bound between readBegin and the lock', async () => {
    const subscription = new FakeSubscription();
    const counters = collisionCounters();
    // A writer of the same loop that needs but one turn of the microtask queue.
    let begun = 0;
    subscription.onReadBegin = () => {
      if (++begun > 50) throw new Error('the writer always came between');
      queueMicrotask(() => subscription.trySection());
    };
    const options = { read: () => 0, install: () => {}, attemptsMax: 3, counters };
    await collisionRetry(subscription, options);
    expect(counters).toMatchObject({ longestRun: 3, underLock: 1 });
  });

  it('holds a spin lock at the bound, given that read does not wait', async () => {
    const subscription = new FakeSubscription();
    subscription.lockSpins = true;
    const read = (): number => {
      const { version } = subscription;
      subscription.trySection();
      return version;
    };
    expect(await collisionRetry(subscription, { read, install: () => {}, attemptsMax: 2 })).toBe(2);
  });

  it.each([1, 2])('passes on what read rejects with (attempt %i)', async (attempt) => {
    const subscription = new FakeSubscription();
    let reads = 0;
    const read = async (): Promise<number> => {
      if (++reads === attempt) throw new Error('read failed');
      subscription.trySection();
      return 0;
    };
    const retried = collisionRetry(subscription, { read, install: () => {}, attemptsMax: 1 });
    expect((await rejectionOf(retried)).message).toBe('read failed');
    expect(subscription.isLocked).toBe(false);
  });

  describe('when aborted', () => {
    const reason = new Error('enough');

    it('does not begin', async () => {
      const signal = AbortSignal.abort(reason);
      const retried = collisionRetry(new FakeSubscription(), {
        read: () => expect.unreachable('nothing may be read'),
        install: neverInstall,
        signal,
      });
      await expect(retried).rejects.toBe(reason);
    });

    it('stops waiting for a section', async () => {
      const subscription = new FakeSubscription();
      subscription.tryStart();
      const controller = new AbortController();
      const options = { read: () => 0, install: neverInstall, signal: controller.signal };
      const retried = collisionRetry(subscription, options);
      await turns(5);
      controller.abort(reason);
      await expect(retried).rejects.toBe(reason);
    });

    it('stops between two attempts, and keeps the run in the counters', async () => {
      const subscription = new FakeSubscription();
      const controller = new AbortController();
      const counters = collisionCounters();
      let reads = 0;
      const read = (): number => {
        subscription.trySection();
        if (++reads === 3) controller.abort(reason);
        return 0;
      };
      const { signal } = controller;
      const retried = collisionRetry(subscription, {
        read,
        install: neverInstall,
        signal,
        counters,
      });
      await expect(retried).rejects.toBe(reason);
      expect(reads).toBe(3);
      expect(counters).toMatchObject({ published: 0, longestRun: 3 });
    });

    it('stops in back-off', async () => {
      const subscription = new FakeSubscription();
      const controller = new AbortController();
      const read = (): number => {
        subscription.trySection();
        return 0;
      };
      const backoff = (_attempt: number, signal: AbortSignal | undefined): Promise<void> =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason));
          queueMicrotask(() => controller.abort(reason));
        });
      const { signal } = controller;
      const retried = collisionRetry(subscription, {
        read,
        install: neverInstall,
        signal,
        backoff,
      });
      await expect(retried).rejects.toBe(reason);
    });

    it('stops at the bound against a writer that always has a section open', async () => {
      const subscription = new FakeSubscription();
      const controller = new AbortController();
      let begun = 0;
      subscription.onReadBegin = () => {
        if (++begun === 100) controller.abort(reason);
        subscription.tryStart();
        queueMicrotask(() => subscription.endSection());
      };
      const { signal } = controller;
      const retried = collisionRetry(subscription, {
        read: () => 0,
        install: neverInstall,
        attemptsMax: 2,
        signal,
      });
      await expect(retried).rejects.toBe(reason);
      expect(begun).toBe(100);
    });

    it.each([1, 2])('does not wait for a read that never ends (attempt %i)', async (attempt) => {
      const subscription = new FakeSubscription();
      const controller = new AbortController();
      const { promise: read, resolve: endRead } = Promise.withResolvers<number>();
      let reads = 0;
      const retried = collisionRetry(subscription, {
        read: () => {
          if (++reads === attempt) return read;
          subscription.trySection();
          return 0;
        },
        install: neverInstall,
        attemptsMax: 1,
        signal: controller.signal,
      });
      await turns(5);
      controller.abort(reason);
      await expect(retried).rejects.toBe(reason);
      expect(subscription.isLocked).toBe(attempt === 2); // what it reads under the lock, it reads on
      endRead(0);
      await turns(5);
      expect(subscription.isLocked).toBe(false);
    });

    it('stops waiting for the lock', async () => {
      const subscription = new FakeSubscription();
      subscription.isLocked = true;
      const controller = new AbortController();
      const options = { read: () => 0, install: neverInstall, signal: controller.signal };
      const retried = collisionRetry(subscription, options);
      await turns(5);
      controller.abort(reason);
      await expect(retried).rejects.toBe(reason);
    });
  });
});

/** Lets other tasks of the event loop run, without time. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined;
}
