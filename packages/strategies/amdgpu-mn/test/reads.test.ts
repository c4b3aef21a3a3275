/** What getting pages and submitting, a registration and the end of an address space promise, with every container. */
import { useClock, VirtualClock } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { amdgpuMn } from '../src/index.ts';
import { begin, codeFrom, isPending, kinds, now, publish, Recorder, World } from './world.ts';

describe.each(kinds)('getting pages and submitting, $variant with $index', (kind) => {
  it('[R1] waits in readBegin while a section that hits the bo is open', async () => {
    const world = new World(kind);
    const { subscription } = world.validated(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[R2] [S5] is refused while a section that opened since is open', () => {
    const world = new World(kind);
    const { subscription } = world.validated(0, 10);
    const seq = begin(subscription);
    const end = world.start(9, 10);
    expect(publish(subscription, seq)).toBe(false);
    end();
    expect(publish(subscription, seq)).toBe(false); // those pages are given back
    expect(subscription.checkRetry(seq)).toBe(true);
  });

  it('[R3] goes through when only sections elsewhere came in between', () => {
    const world = new World(kind);
    const { subscription } = world.validated(0, 10);
    world.recorder(5, 30); // a node with it, in v5.3
    const seq = begin(subscription);
    world.invalidate(10, 20);
    const end = world.start(20, 30);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    end();
  });

  it('[R5] returns after one closing, even if another section opened, and is refused', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10); // also when it is new
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    end();
    const endAgain = world.start(0, 10);
    const seq = await read;
    endAgain();
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('holds amn->lock while it submits: a section waits, and tears it down', async () => {
    const world = new World(kind);
    const { subscription, calls } = world.validated(0, 10);
    const submitted = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => submitted.promise);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    expect(calls).toEqual([]);
    submitted.resolve();
    expect(await published).toBe(true);
    now(world.notifier.invalidateRangeEnd(await started));
    expect(calls).toHaveLength(1);
  });

  it('waits for a section that tears down, and is refused then', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    const { subscription, ops } = world.validated(0, 10);
    const seq = begin(subscription);
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const published = subscription.publish(seq, () => {});
    expect(await isPending(published)).toBe(true);
    opened.resolve();
    const section = await started;
    expect(await published).toBe(false);
    now(world.notifier.invalidateRangeEnd(section));
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
  it('the first one waits for a moment without a section; the others do not, but their reads do', async () => {
    const world = new World(kind);
    const end = world.start(0, 10);
    const subscribed = world.notifier.subscribe({ start: 0, end: 10 }, new Recorder());
    const behind = world.notifier.subscribe({ start: 0, end: 10 }, new Recorder());
    expect(await isPending(subscribed)).toBe(true);
    end();
    await Promise.all([subscribed, behind]);
    const endAgain = world.start(0, 10);
    const { subscription, calls } = world.recorder(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    endAgain();
    expect(calls).toEqual([]);
    expect(publish(subscription, await read)).toBe(true);
    world.notifier.verify();
  });

  it('[U1] closing waits for callbacks, not for sections; then it is not called', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    const { subscription, calls, ops } = world.recorder(0, 10);
    const other = world.recorder(5, 15);
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
    expect([calls.length, other.calls.length]).toEqual([1, 2]);
    now(subscription.close());
    world.notifier.verify();
  });

  it('[U2] is neither closed nor released nor published to inside a callback', async () => {
    const world = new World(kind);
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
  });

  it('can be given up while it waits, and leaves nothing behind', async () => {
    const world = new World(kind);
    const end = world.start(0, 10);
    const abort = new AbortController();
    const options = { signal: abort.signal };
    const subscribed = world.notifier.subscribe({ start: 0, end: 10 }, new Recorder(), options);
    abort.abort(new Error('enough'));
    end();
    await expect(subscribed).rejects.toThrow('enough');
    expect(world.notifier.list.hasSubscribers).toBe(false);
    const { calls } = world.recorder(0, 10);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    expect(world.notifier.list.hasSubscribers).toBe(true);
  });

  it('keeps the mirror when the last bo goes: it stays until the address space does', () => {
    const world = new World(kind);
    for (let round = 0; round < 3; round++) {
      const { subscription, calls } = world.validated(0, 10);
      world.invalidate(0, 10);
      expect(calls).toHaveLength(1);
      now(subscription.close());
      expect(world.notifier.list.hasSubscribers).toBe(true);
      world.invalidate(0, 10);
    }
    world.notifier.verify();
  });

  it('[L1] a release tears down every bo once, wakes who waits, and has a worker destroy the rest', async () => {
    onTestFinished(useClock(new VirtualClock())); // 1000 ms never pass
    const world = new World(kind);
    const { subscription, calls, ops } = world.recorder(0, 10);
    const other = world.recorder(5, 15);
    const seq = begin(subscription);
    world.start(0, 10);
    const read = subscription.readBegin();
    await world.notifier.release();
    expect(await codeFrom(() => read)).toBe('MMN_RELEASED');
    expect(calls.map(({ event }) => event)).toEqual(['CLEAR', 'RELEASE']);
    expect(other.calls.map(({ event }) => event)).toEqual(['CLEAR', 'RELEASE']);
    expect([ops.releases, other.ops.releases]).toEqual([1, 1]);
    await world.driver.workers.drain();
    expect(subscription.node).toBe(undefined);
    for (const act of [
      () => subscription.readBegin(),
      () => subscription.publish(seq, () => {}),
      () => world.notifier.subscribe({ start: 0, end: 1 }, ops),
      () => world.notifier.release(),
    ]) {
      expect(await codeFrom(act)).toBe('MMN_RELEASED');
    }
    world.invalidate(0, 10);
    expect(calls).toHaveLength(2);
    now(subscription.close());
    world.notifier.verify();
  });
});

describe('getting pages in v5.3', () => {
  it('waits at most 1000 ms, and is refused then, whoever asks or does not', async () => {
    const clock = new VirtualClock();
    onTestFinished(useClock(clock));
    const world = new World();
    const { subscription } = world.recorder(0, 10);
    for (let round = 0; round < 2; round++) {
      const end = world.start(0, 10);
      const read = subscription.readBegin();
      clock.advance(999);
      expect(await isPending(read)).toBe(true);
      clock.advance(1);
      const seq = await read;
      end();
      expect(publish(subscription, seq)).toBe(false);
      expect(publish(subscription, begin(subscription))).toBe(true);
    }
  });
});

describe.each(amdgpuMn.variants)('closing a bo of %s', (variant) => {
  it('ends the wait of who gets its pages', async () => {
    onTestFinished(useClock(new VirtualClock())); // 1000 ms never pass
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    now(subscription.close());
    if (variant === 'fixed') end(); // there it is the section that is waited for
    expect(await codeFrom(() => read)).toBe('MMN_CLOSED');
  });
});

/** Ids that a variant tells of. */
function ids(variant: string): string[] {
  return amdgpuMn.traits(variant).knownRaces.map(({ id }) => id);
}

describe('the strategy', () => {
  it('[T1] tells every defect by its id; fixed is left with waiting', () => {
    expect(ids('v5.3')).toEqual(['AMD-1', 'AMD-2', 'AMD-3', 'HMM-2', 'HMM-4']);
    expect(ids('fixed')).toEqual(['HMM-4']);
    expect(amdgpuMn.variants.map((variant) => amdgpuMn.traits(variant).correct)).toEqual([
      false,
      true,
    ]);
    expect(amdgpuMn.takesIndex).toBe(true);
  });

  it('blocks nobody in a …Sync form: it says that it would', async () => {
    for (const variant of amdgpuMn.variants) {
      const world = new World({ variant });
      const { subscription } = world.recorder(0, 10);
      const end = world.start(0, 10);
      expect(await codeFrom(() => subscription.readBeginSync())).toBe('MMN_WOULD_BLOCK');
      end();
      expect(subscription.publishSync(subscription.readBeginSync(), () => {})).toBe(true);
      const section = world.notifier.invalidateRangeStartSync({ start: 0, end: 1 });
      world.notifier.invalidateRangeEndSync(section);
      subscription.closeSync();
      const next = world.notifier.subscribeSync({ start: 0, end: 1 }, new Recorder());
      world.notifier.releaseSync();
      now(next.close());
    }
  });
});
