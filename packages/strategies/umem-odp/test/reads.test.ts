/** What a fault, a registration and the end of an address space promise. */
import { useClock, VirtualClock } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { begin, codeFrom, isPending, kinds, now, publish, Recorder, World } from './world.ts';

describe.each(kinds)('a fault, $variant with $index', (kind) => {
  it('[R1] waits in readBegin while a section that hits the region is open, and not for others', async () => {
    const world = new World(kind);
    const [hit, other] = [world.recorder(0, 10), world.recorder(20, 30)];
    const end = world.start(0, 10);
    const read = hit.subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    expect(publish(other.subscription, begin(other.subscription))).toBe(true);
    end();
    expect(publish(hit.subscription, await read)).toBe(true);
  });

  it('[R2] [S5] is refused when a section opened since, and while it is open', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(9, 10);
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
    end();
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
  });

  it('[R3] publishes when only sections elsewhere came in between', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    world.invalidate(10, 20);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
  });

  it('[R5] returns after one closing, even if another section opened', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    end();
    const endAgain = world.start(0, 10);
    const seq = await read;
    expect(publish(subscription, seq)).toBe(false);
    endAgain();
  });

  it('waits at most 1000 ms, and is refused then', async () => {
    const clock = new VirtualClock();
    onTestFinished(useClock(clock));
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    clock.advance(999);
    expect(await isPending(read)).toBe(true);
    clock.advance(1);
    expect(publish(subscription, await read)).toBe(false);
    expect(subscription.timeouts).toBe(1);
    end();
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(subscription.timeouts).toBe(1);
  });

  it('publishes under the mutex: a section waits for an install that sleeps, and tears it down', async () => {
    const world = new World(kind);
    const { subscription, calls } = world.recorder(0, 10);
    const installed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => installed.promise);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    expect(calls).toEqual([]);
    installed.resolve();
    expect(await published).toBe(true);
    now(world.notifier.invalidateRangeEnd(await started));
    expect(calls).toHaveLength(1);
  });

  it('can be given up while it waits', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const abort = new AbortController();
    const read = subscription.readBegin(abort.signal);
    abort.abort(new Error('enough'));
    await expect(read).rejects.toThrow('enough');
    end();
    expect(publish(subscription, begin(subscription))).toBe(true);
  });
});

describe.each(kinds)('a registration, $variant with $index', (kind) => {
  it('waits for open sections, and its first read sees what they did', async () => {
    const world = new World(kind);
    world.recorder(100, 200);
    const end = world.start(0, 10);
    const ops = new Recorder();
    const subscribed = world.notifier.subscribe({ start: 0, end: 10 }, ops);
    expect(await isPending(subscribed)).toBe(true);
    end();
    const subscription = await subscribed;
    expect(ops.calls).toEqual([]);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.notifier.verify();
  });

  it('[U1] closing waits for open sections; then nobody is called', async () => {
    const world = new World(kind);
    world.recorder(100, 200);
    const { subscription, calls } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const closed = subscription.close();
    expect(await codeFrom(() => subscription.readBegin())).toBe('MMN_CLOSED');
    expect(await isPending(closed)).toBe(true);
    end();
    await closed;
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    now(subscription.close());
    world.notifier.verify();
  });

  it('[U2] neither closes nor releases nor publishes inside a callback', async () => {
    const world = new World(kind);
    const { subscription, ops } = world.recorder(0, 10);
    const codes: unknown[] = [];
    const seq = begin(subscription);
    ops.act = async () => {
      for (const act of [
        () => subscription.close(),
        () => world.notifier.release(),
        () => subscription.publish(seq, () => {}),
      ]) {
        try {
          void act();
        } catch (error) {
          codes.push((error as { code: unknown }).code);
        }
      }
    };
    now(
      world.notifier.invalidateRangeEnd(
        await world.notifier.invalidateRangeStart({ start: 0, end: 1 }),
      ),
    );
    expect(codes).toEqual(['MMN_IN_CALLBACK', 'MMN_IN_CALLBACK', 'MMN_IN_CALLBACK']);
    expect(subscription.isOpen).toBe(true);
  });

  it('the last one ends the driver’s own with the list, and another begins a new one', () => {
    const world = new World(kind);
    for (let round = 0; round < 3; round++) {
      const { subscription, calls } = world.recorder(0, 10);
      expect(world.notifier.list.hasSubscribers).toBe(true);
      world.invalidate(0, 10);
      expect(calls).toHaveLength(1);
      now(subscription.close());
      expect(world.notifier.list.hasSubscribers).toBe(false);
      world.invalidate(0, 10);
    }
    world.notifier.verify();
  });

  it('can be given up while it waits, and leaves nothing behind', async () => {
    const world = new World(kind);
    const other = world.recorder(100, 200);
    const end = world.start(0, 10);
    const abort = new AbortController();
    const options = { signal: abort.signal };
    const subscribed = world.notifier.subscribe({ start: 0, end: 10 }, new Recorder(), options);
    abort.abort(new Error('enough'));
    end();
    await expect(subscribed).rejects.toThrow('enough');
    now(other.subscription.close());
    expect(world.notifier.list.hasSubscribers).toBe(false);
  });

  it('[L1] a release tears down everything once, and then nothing can be done but close', async () => {
    const world = new World(kind);
    const { subscription, calls, ops } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(50, 60);
    end();
    now(await world.notifier.release());
    expect(calls.map(({ event }) => event)).toEqual(['RELEASE']);
    expect(ops.releases).toBe(1);
    expect(subscription.count).toBe(1);
    for (const act of [
      () => subscription.readBegin(),
      () => subscription.publish(seq, () => {}),
      () => world.notifier.subscribe({ start: 0, end: 1 }, ops),
      () => world.notifier.release(),
    ]) {
      expect(await codeFrom(act)).toBe('MMN_RELEASED');
    }
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    await subscription.close();
  });

  it('wakes a fault that waits when the address space goes', async () => {
    onTestFinished(useClock(new VirtualClock())); // 1000 ms never pass
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    world.start(0, 10);
    const read = subscription.readBegin();
    await world.notifier.release();
    expect(await codeFrom(() => read)).toBe('MMN_RELEASED');
  });
});

describe('the strategy', () => {
  it('[T1] tells every defect by its id, and has none left when fixed', () => {
    const { notifier } = new World();
    expect(notifier.traits.knownRaces.map(({ id }) => id)).toEqual([
      'ODP-1',
      'ODP-2',
      'ODP-3',
      'ODP-4',
      'ODP-5',
      'ODP-6',
    ]);
    expect(new World({ variant: 'fixed' }).notifier.traits.knownRaces).toEqual([]);
    expect(Object.isFrozen(notifier.traits)).toBe(true);
  });

  it('refuses what it does not have', async () => {
    expect(await codeFrom(() => new World({ variant: 'v1' }))).toBe('MMN_OPTION');
    const memory = new SharedArrayBuffer(1 << 16);
    expect(await codeFrom(() => new World({ memory }))).toBe('MMN_OPTION');
  });

  it('blocks nobody in a …Sync form: it says that it would', async () => {
    const world = new World();
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    expect(await codeFrom(() => subscription.readBeginSync())).toBe('MMN_WOULD_BLOCK');
    expect(await codeFrom(() => subscription.closeSync())).toBe('MMN_WOULD_BLOCK');
    end();
    subscription.closeSync();
    world.notifier.verify();
  });
});
