/** What objects have in common that get pages of a user, and give them up in a section: for the drivers that have such. */
import { addressMax, type MaybePromise, type Seq, type Subscription } from '@mmu-notifier/core';
import { Mutex } from '@mmu-notifier/sync';
import { expect, it } from 'vitest';
import { LockMemory, type DriverSubscription } from '../src/driver.ts';
import {
  begin,
  codeFrom,
  isPending,
  now,
  publish,
  Recorder,
  type DriverWorld,
} from './driver-world.ts';

/** Defines the tests of every variant. `read` begins a read, which may wait for a worker. */
export function itIsAnObject<S extends DriverSubscription>(
  createWorld: () => DriverWorld<S>,
  read: (subscription: Subscription) => MaybePromise<Seq>,
): void {
  it('[R2] does not install what was read before a section tore a part of it down', async () => {
    const world = createWorld();
    const { subscription } = world.published(0, 10);
    const seq = begin(subscription);
    const end = world.start(9, 10);
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
    end();
    expect(publish(subscription, seq)).toBe(false);
    expect(publish(subscription, await read(subscription))).toBe(true);
  });

  it('[R3] installs when only sections elsewhere came in between', () => {
    const world = createWorld();
    const { subscription } = world.published(0, 10);
    const seq = begin(subscription);
    world.invalidate(10, 20);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
  });

  it('holds its lock over an install: a section waits, and takes what it installed', async () => {
    const world = createWorld();
    const { subscription, calls } = world.published(0, 10);
    const installed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => installed.promise);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    expect(calls).toEqual([]);
    installed.resolve();
    expect(await published).toBe(true);
    now(world.notifier.invalidateRangeEnd(await started));
    expect(calls).toHaveLength(1);
    world.notifier.verify();
  });

  it('takes a lock of the subscriber’s in place of its own', () => {
    const { region, fixedAt } = new LockMemory('test', 2, 0);
    const lock = new Mutex(region, fixedAt);
    const world = createWorld();
    const ops = Object.assign(new Recorder(), { lock });
    const held: boolean[] = [];
    const note = (): void => void held.push(lock.isLocked);
    ops.act = note;
    const subscription = world.subscribe(0, 10, ops);
    expect(publish(subscription, begin(subscription), note)).toBe(true);
    world.invalidate(0, 10);
    expect([...held, lock.isLocked]).toEqual([true, true, false]);
  });

  it('the first one waits for open sections, another does not', async () => {
    const world = createWorld();
    const end = world.start(0, 10);
    const ops = new Recorder();
    const subscribed = world.notifier.subscribe({ start: 0, end: 10 }, ops);
    const alike = world.notifier.subscribe({ start: 0, end: 10 }, new Recorder());
    expect(await isPending(subscribed)).toBe(true);
    expect(await isPending(alike)).toBe(true);
    end();
    const first = await subscribed;
    await alike;
    const endAgain = world.start(50, 60);
    const late = world.subscribe(50, 60);
    endAgain();
    expect(publish(late, await read(late))).toBe(true);
    expect(publish(first, await read(first))).toBe(true);
    world.invalidate(0, 10);
    expect(ops.calls).toHaveLength(1);
    world.notifier.verify();
  });
}

/** Defines the tests of a variant that notices collisions. */
export function itWaitsForSections<S extends DriverSubscription>(
  createWorld: () => DriverWorld<S>,
): void {
  it('[R1] [R5] waits in readBegin until the section is over that hit it, once', async () => {
    const world = createWorld();
    const [hit, other] = [world.recorder(0, 10), world.recorder(20, 30)];
    const end = world.start(0, 10);
    const read = hit.subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    expect(publish(other.subscription, begin(other.subscription))).toBe(true);
    end();
    const endAgain = world.start(0, 10);
    expect(publish(hit.subscription, await read)).toBe(false);
    endAgain();
    expect(publish(hit.subscription, begin(hit.subscription))).toBe(true);
    expect(hit.calls).toHaveLength(2);
  });

  it('[S6] waits for the last one of overlapping sections', async () => {
    const world = createWorld();
    const { subscription } = world.recorder(0, 10);
    const ends = [world.start(0, 10), world.start(5, 6), world.start(50, 60)];
    const read = subscription.readBegin();
    for (const end of ends) {
      expect(await isPending(read)).toBe(true);
      end();
    }
    expect(publish(subscription, await read)).toBe(true);
  });

  it('waits for sections that were open when it was made', async () => {
    const world = createWorld();
    world.recorder(50, 60);
    const end = world.start(0, 10);
    const { subscription } = world.recorder(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[L1] is torn down once by a release, which wakes who waits', async () => {
    const world = createWorld();
    const { subscription, calls, ops } = world.recorder(0, 10);
    world.start(0, 5);
    const read = subscription.readBegin();
    await world.notifier.release();
    expect(await codeFrom(() => read)).toBe('MMN_RELEASED');
    expect(calls.map(({ event, end }) => [event, end])).toEqual([
      ['CLEAR', 5],
      ['RELEASE', addressMax],
    ]);
    expect(ops.releases).toBe(1);
  });
}
