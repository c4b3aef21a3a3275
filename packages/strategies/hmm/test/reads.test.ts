/** What a fault, a mirror and the end of an address space promise, in both variants. */
import { useClock, VirtualClock } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hmm } from '../src/index.ts';
import { begin, codeFrom, isPending, now, publish, Recorder, World } from './world.ts';

describe.each(hmm.variants)('a fault, %s', (variant) => {
  it('[R1] waits in readBegin while a section that hits the mirror is open', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[R2] [S5] is refused while a section that opened since is open', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(9, 10);
    expect(publish(subscription, seq)).toBe(false);
    end();
    expect(publish(subscription, seq)).toBe(false); // that fault is over
    expect(subscription.checkRetry(seq)).toBe(true);
  });

  it('[R3] publishes when only sections elsewhere came in between', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    world.invalidate(10, 20);
    const end = world.start(20, 30);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    end();
  });

  it('[R5] returns after one closing, even if another section opened, and is refused', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    end();
    const endAgain = world.start(0, 10);
    const seq = await read;
    endAgain();
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
  });

  it('publishes under the mutex: a section waits for an install that sleeps, and tears it down', async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const installed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => installed.promise);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    expect(calls).toEqual([]);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    installed.resolve();
    expect(await published).toBe(true);
    now(world.notifier.invalidateRangeEnd(await started));
    expect(calls).toHaveLength(1);
  });

  it('can be given up while it waits', async () => {
    const world = new World({ variant });
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

describe('a fault of v5.3', () => {
  it('waits at most 1000 ms, and is refused then', async () => {
    const clock = new VirtualClock();
    onTestFinished(useClock(clock));
    const world = new World();
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    clock.advance(999);
    expect(await isPending(read)).toBe(true);
    clock.advance(1);
    const seq = await read;
    end();
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('is refused for a section that merely touches it from below: the kernel’s comparison is off by one', () => {
    const world = new World();
    const { subscription } = world.recorder(10, 20);
    const seqs = [begin(subscription), begin(subscription)];
    const above = world.start(20, 30);
    expect(publish(subscription, seqs[0]!)).toBe(true);
    above();
    world.start(0, 10);
    expect(publish(subscription, seqs[1]!)).toBe(false);
  });
});

describe.each(hmm.variants)('a mirror, %s', (variant) => {
  it('the first one waits for a moment without a section; the others do not', async () => {
    const world = new World({ variant });
    const end = world.start(0, 10);
    const subscribed = world.notifier.subscribe({ start: 0, end: 10 }, new Recorder());
    const behind = world.notifier.subscribe({ start: 0, end: 10 }, new Recorder());
    expect(await isPending(subscribed)).toBe(true);
    end();
    await Promise.all([subscribed, behind]);
    const endAgain = world.start(0, 10);
    const { subscription, calls } = world.recorder(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true); // it was not called, but waits all the same
    endAgain();
    expect(calls).toEqual([]);
    expect(publish(subscription, await read)).toBe(true);
    world.notifier.verify();
  });

  it('[U1] closing waits for callbacks, not for sections; then it is not called', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    const other = world.recorder(100, 200);
    const { subscription, calls, ops } = world.recorder(0, 10);
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const closed = subscription.close();
    expect(await codeFrom(() => subscription.readBegin())).toBe('MMN_CLOSED');
    expect(await isPending(closed)).toBe(true);
    opened.resolve();
    const section = await started;
    await closed;
    now(world.notifier.invalidateRangeEnd(section));
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    expect(publish(other.subscription, begin(other.subscription))).toBe(true);
    now(subscription.close());
    world.notifier.verify();
  });

  it('[U2] is neither closed nor released nor published to inside a callback', async () => {
    const world = new World({ variant });
    const { subscription, ops } = world.recorder(0, 10);
    const seq = begin(subscription);
    const codes: Promise<unknown>[] = [];
    ops.act = () => {
      codes.push(
        codeFrom(() => subscription.close()),
        codeFrom(() => world.notifier.release()),
        codeFrom(() => subscription.publish(seq, () => {})),
      );
    };
    world.invalidate(0, 10);
    expect(await Promise.all(codes)).toEqual(Array(3).fill('MMN_IN_CALLBACK'));
    expect(subscription.isOpen).toBe(true);
  });

  it('the last one takes the callbacks off the list, and another begins anew', () => {
    const world = new World({ variant });
    for (let round = 0; round < 3; round++) {
      const { subscription, calls } = world.recorder(0, 10);
      const other = world.recorder(0, 10);
      expect(world.notifier.list.hasSubscribers).toBe(true);
      world.invalidate(0, 10);
      expect(calls).toHaveLength(1);
      now(subscription.close());
      const end = world.start(0, 10); // its end finds nobody
      now(other.subscription.close());
      expect(world.notifier.list.hasSubscribers).toBe(false);
      end();
    }
    world.notifier.verify();
  });

  it('can be given up while it waits, and leaves nothing behind', async () => {
    const world = new World({ variant });
    const end = world.start(0, 10);
    const abort = new AbortController();
    const options = { signal: abort.signal };
    const subscribed = world.notifier.subscribe({ start: 0, end: 10 }, new Recorder(), options);
    abort.abort(new Error('enough'));
    end();
    await expect(subscribed).rejects.toThrow('enough');
    expect(world.notifier.list.hasSubscribers).toBe(false);
    expect(world.hmm).toBe(undefined);
  });

  it('leaves nothing of its faults behind when it closes', async () => {
    onTestFinished(useClock(new VirtualClock())); // 1000 ms never pass
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    world.recorder(20, 30);
    const sizeOfOther = world.hmm!.collisions.size - (variant === 'fixed' ? 1 : 0);
    begin(subscription);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    now(subscription.close());
    if (variant === 'fixed') end(); // there it waits for the section
    expect(await codeFrom(() => read)).toBe('MMN_CLOSED');
    expect(world.hmm?.collisions.size).toBe(sizeOfOther);
  });

  it('ends the wait of its faults when it is the last one: the list tells it of no end then', async () => {
    onTestFinished(useClock(new VirtualClock())); // 1000 ms never pass
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    world.start(0, 10);
    const read = subscription.readBegin();
    now(subscription.close());
    expect(await codeFrom(() => read)).toBe('MMN_CLOSED');
  });

  it('can be given up while it waits for mirrors_sem, and leaves nothing behind', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    const { ops } = world.recorder(0, 10);
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const abort = new AbortController();
    const options = { signal: abort.signal };
    const subscribed = world.notifier.subscribe({ start: 0, end: 10 }, new Recorder(), options);
    expect(world.hmm?.refs).toBe(2);
    abort.abort(new Error('enough'));
    opened.resolve();
    await expect(subscribed).rejects.toThrow('enough');
    now(world.notifier.invalidateRangeEnd(await started));
    expect(world.hmm?.refs).toBe(1);
    world.notifier.verify();
  });

  it('[L1] a release tears down every mirror once, and wakes who waits', async () => {
    onTestFinished(useClock(new VirtualClock())); // 1000 ms never pass
    const world = new World({ variant });
    const { subscription, calls, ops } = world.recorder(0, 10);
    const seq = begin(subscription);
    world.start(0, 10);
    const read = subscription.readBegin();
    await world.notifier.release();
    expect(await codeFrom(() => read)).toBe('MMN_RELEASED');
    expect(calls.map(({ event }) => event)).toEqual(['CLEAR', 'RELEASE']);
    expect(ops.releases).toBe(1);
    for (const act of [
      () => subscription.readBegin(),
      () => subscription.publish(seq, () => {}),
      () => world.notifier.subscribe({ start: 0, end: 1 }, ops),
      () => world.notifier.release(),
    ]) {
      expect(await codeFrom(act)).toBe('MMN_RELEASED');
    }
    now(subscription.close());
    world.notifier.verify();
  });
});

function ids(variant: string): string[] {
  return hmm.traits(variant).knownRaces.map(({ id }) => id);
}

describe('the strategy', () => {
  it('[T1] tells every defect by its id; fixed is left with waiting', () => {
    expect(ids('v5.3')).toEqual(['HMM-1', 'HMM-2', 'HMM-3', 'HMM-4', 'NV-1', 'NV-2', 'NV-3']);
    expect(ids('fixed')).toEqual(['HMM-4']);
    expect(hmm.variants.map((variant) => hmm.traits(variant).correct)).toEqual([false, true]);
    expect(hmm.takesIndex).toBe(false);
  });

  it('blocks nobody in a …Sync form: it says that it would', async () => {
    for (const variant of hmm.variants) {
      const world = new World({ variant });
      const { subscription } = world.recorder(0, 10);
      const end = world.start(0, 10);
      expect(await codeFrom(() => subscription.readBeginSync())).toBe('MMN_WOULD_BLOCK');
      end();
      expect(subscription.publishSync(subscription.readBeginSync(), () => {})).toBe(true);
      subscription.closeSync();
      const next = world.notifier.subscribeSync({ start: 0, end: 1 }, new Recorder());
      now(next.close());
    }
  });
});
