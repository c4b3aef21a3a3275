/** What the scheme promises, in both variants. */
import { addressMax } from '@mmu-notifier/core';
import { Mutex } from '@mmu-notifier/sync';
import { LockMemory } from '@mmu-notifier/hlist-srcu/driver';
import { describe, expect, it } from 'vitest';
import { kvm } from '../src/index.ts';
import { begin, codeFrom, isPending, now, publish, Recorder, World } from './world.ts';

describe.each(kvm.variants)('a section, %s', (variant) => {
  it('[S1] [S2] [S3] calls the slots that it hits once, each with its cookie, and no others', () => {
    const world = new World({ variant });
    const slots = [0, 10, 20, 30].map((start, at) => world.recorder(start, start + 10, at));
    const end = world.start(15, 30, 'UNMAP');
    const call = { start: 15, end: 30, event: 'UNMAP' };
    expect(slots.map(({ calls }) => calls)).toEqual([
      [],
      [{ ...call, cookie: 1 }],
      [{ ...call, cookie: 2 }],
      [],
    ]);
    end();
    world.invalidate(0, addressMax);
    expect(slots.map(({ calls }) => calls.length)).toEqual([1, 2, 2, 1]);
    world.notifier.verify();
  });

  it('[S1] returns when the last sleeping callback is over; others wait for mmu_lock meanwhile', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    const { ops } = world.recorder(0, 10);
    const other = world.recorder(20, 30);
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const behind = world.notifier.invalidateRangeStart({ start: 20, end: 30 });
    expect(await isPending(started)).toBe(true);
    expect(await isPending(behind)).toBe(true);
    expect(other.calls).toEqual([]);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    now(world.notifier.invalidateRangeEnd(await behind));
    expect(world.kvm.count).toBe(0);
    expect(world.kvm.seq).toBe(2);
    world.notifier.verify();
  });

  it('[S6] sections nest and overlap; only the last end lets faults go on', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const ends = [world.start(0, 10), world.start(5, 6), world.start(0, 1)];
    const read = subscription.readBegin();
    for (const end of ends) {
      expect(await isPending(read)).toBe(true);
      end();
    }
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[N1] never refuses a non-blockable start by itself', () => {
    const world = new World({ variant });
    const { calls } = world.recorder(0, 10);
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 });
    expect(calls).toHaveLength(1);
    now(world.notifier.invalidateRangeEnd(section!));
  });

  it('[N2] a slot that would block refuses it, and everything is as before', () => {
    const world = new World({ variant });
    const { ops, subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const hints: boolean[] = [];
    ops.act = ({ blockable }) => {
      hints.push(subscription.checkRetry(seq)); // nobody knows yet whether there will be a collision
      return blockable;
    };
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(hints).toEqual([false]);
    expect([world.kvm.count, world.kvm.seq]).toEqual([0, 0]);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    world.notifier.verify();
  });

  it('[N1] [KVM-6] is refused, where the kernel spins, while somebody sleeps with mmu_lock', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const installed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => installed.promise);
    expect(world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 })).toBe(undefined);
    installed.resolve();
    expect(await published).toBe(true);
    expect(world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 })).toBeDefined();
  });

  it('[E1] a callback that throws fails the section; the others are called, and faults try again', async () => {
    const world = new World({ variant });
    const [first, second] = [world.recorder(0, 10), world.recorder(5, 10)];
    first.ops.act = () => Promise.reject(new Error('out of order'));
    const seq = begin(second.subscription);
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    expect(second.calls).toHaveLength(1);
    expect(world.kvm.count).toBe(0);
    expect(publish(second.subscription, seq)).toBe(false);
    world.notifier.verify();
  });
});

describe.each(kvm.variants)('a fault, %s', (variant) => {
  it('[R1] waits in readBegin while a section that may concern it is open', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[R2] [S5] is refused when a section was or is open since, wherever the section is', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(5, 6);
    expect(publish(subscription, seq)).toBe(false);
    end();
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
    const later = begin(subscription);
    world.invalidate(500, 600);
    expect(publish(subscription, later)).toBe(false); // the seq is everybody's
  });

  it('[R3] publishes when no section came in between', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
  });

  it('[R5] returns after one moment without sections, even if another opened', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    end();
    const endAgain = world.start(0, 10);
    expect(publish(subscription, await read)).toBe(false);
    endAgain();
  });

  it('takes a lock of the subscriber’s inside of mmu_lock', async () => {
    const { region, fixedAt } = new LockMemory('test', 2, 0);
    const lock = new Mutex(region, fixedAt);
    const world = new World({ variant });
    const ops = Object.assign(new Recorder(), { lock });
    const held: boolean[] = [];
    const note = (): void => void held.push(lock.isLocked && world.kvm.mmuLock.isLocked);
    ops.act = note;
    const subscription = world.subscribe(0, 10, ops);
    expect(publish(subscription, begin(subscription), note)).toBe(true);
    world.invalidate(0, 10);
    expect(held).toEqual([true, true]);
    expect([lock.isLocked, world.kvm.mmuLock.isLocked]).toEqual([false, false]);
    lock.lockSync();
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(world.kvm.count).toBe(0);
    lock.unlock();
  });
});

describe.each(kvm.variants)('a memory slot, %s', (variant) => {
  it('[KVM-4] may come while a section is open: the count is balanced, and nothing read before is installed', async () => {
    const world = new World({ variant });
    const end = world.start(0, 10);
    const { calls, subscription } = world.recorder(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(world.kvm.count).toBe(0);
    expect(calls).toEqual([]);
    expect(publish(subscription, await read)).toBe(true);
    world.notifier.verify();
  });

  it('[KVM-4] [U1] may go while a section is open: the count is balanced, and nobody is called after', () => {
    const world = new World({ variant });
    const slots = [world.recorder(0, 10), world.recorder(0, 10), world.recorder(0, 10)];
    const end = world.start(0, 10);
    now(slots[0]!.subscription.close());
    end();
    expect(world.kvm.count).toBe(0);
    world.invalidate(0, 10);
    expect(slots.map(({ calls }) => calls.length)).toEqual([1, 2, 2]);
    now(slots[2]!.subscription.close());
    world.invalidate(0, 10);
    expect(slots.map(({ calls }) => calls.length)).toEqual([1, 3, 2]);
    world.notifier.verify();
  });

  it('[L1] is torn down once by a release, which wakes a fault that waits', async () => {
    const world = new World({ variant });
    const { subscription, calls, ops } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    await world.notifier.release();
    expect(await codeFrom(() => read)).toBe('MMN_RELEASED');
    expect(calls.map(({ event }) => event)).toEqual(['CLEAR', 'RELEASE']);
    expect(ops.releases).toBe(1);
    end();
    expect(await codeFrom(() => world.notifier.release())).toBe('MMN_RELEASED');
    expect(await codeFrom(() => subscription.publish(0 as never, () => {}))).toBe('MMN_RELEASED');
    now(subscription.close());
    world.notifier.verify();
  });
});

describe.each(kvm.variants)('a release, %s', (variant) => {
  it('[L1] waits for an install on its way, and tears it down', async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const installed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => installed.promise);
    const released = world.notifier.release();
    expect(await isPending(released)).toBe(true);
    expect(calls).toEqual([]);
    installed.resolve();
    expect(await published).toBe(true);
    await released;
    expect(calls).toHaveLength(1);
  });
});

describe('the strategy', () => {
  it('[T1] tells what it starves by, and claims to be correct', () => {
    expect(kvm.traits().correct).toBe(true);
    expect(kvm.traits().knownRaces.map(({ id }) => id)).toEqual(['KVM-3', 'KVM-5']);
    expect(kvm.traits('ranged').knownRaces).toEqual([]);
    expect(kvm.takesIndex).toBe(false);
  });
});
