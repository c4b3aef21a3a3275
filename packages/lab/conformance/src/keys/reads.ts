/** How a reader learns that it collided, and the lock under which it publishes. */
import { deferred, collisionCounters, collisionRetry } from '@mmu-notifier/core';
import { check, codeFrom, codeOfCall, equal, fail } from '../check.ts';
import { key, type Key } from '../key.ts';
import { over, stillWaits, turns, waits } from '../turns.ts';
import { begin, publish } from '../world.ts';

const mmuNotifier = 'mm/mmu_notifier.c v5.15.85';
const installed = (): never => fail('installed what collided');

export const readKeys: readonly Key[] = [
  key(
    'R1',
    'waits in readBegin until a colliding section closes, then no longer',
    { when: 'ever retries', tier: 'min', source: `${mmuNotifier}:232-249; K-L1` },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      const reads = [subscription.readBegin(), subscription.readBegin()];
      for (const read of reads) await stillWaits(read, 'readBegin in a section');
      await end();
      for (const read of reads) {
        const seq = await over(read, 'readBegin after the end');
        equal(await publish(subscription, seq), true, 'its publication');
      }
    },
  ),
  key(
    'R1.second',
    'waits on when another section comes and goes while the first is open',
    { when: 'ever retries', tier: 'min', source: `${mmuNotifier}:232-249` },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      const reading = subscription.readBegin();
      await world.invalidate(0, 10);
      await stillWaits(reading, 'readBegin');
      await end();
      equal(await publish(subscription, await over(reading, 'readBegin')), true, 'its publication');
    },
  ),
  key(
    'R1.elsewhere',
    'neither refuses nor holds up a read because of a section elsewhere that is open',
    { when: 'filters by range', tier: 'extra', source: '4a42d848db95 (v5.12); KVM-3' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      await world.recorder(500, 600);
      const seq = await begin(subscription);
      const end = await world.start(500, 600);
      equal(await publish(subscription, seq), true, 'a read from before');
      equal(await publish(subscription, await begin(subscription)), true, 'a read in it');
      await end();
    },
  ),
  key(
    'R1.abort',
    'gives a read up when its signal aborts, and lets others wait on',
    { when: 'ever retries', tier: 'min', source: 'ours: the contract of core' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      const controller = new AbortController();
      const aborted = Promise.resolve(subscription.readBegin(controller.signal));
      const other = subscription.readBegin();
      const reason = new Error('enough');
      controller.abort(reason);
      const came = await over(
        aborted.then(String, (error: unknown) => error),
        'an aborted readBegin',
      );
      check(came === reason, `the signal's reason, got ${String(came)}`);
      await stillWaits(other, 'the other readBegin');
      await end();
      equal(await publish(subscription, await over(other, 'readBegin')), true, 'its publication');
    },
  ),
  key(
    'R2',
    'refuses what was read before an overlapping section, open or over, wherever it hit',
    { source: `${mmuNotifier}:200-231; K-S1` },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      for (const [start, end] of [
        [0, 1],
        [9, 10],
        [3, 4],
        [0, 100],
      ] as const) {
        const seq = await begin(subscription);
        const endSection = await world.start(start, end);
        equal(await publish(subscription, seq, installed), false, 'while it is open');
        await endSection();
        equal(await publish(subscription, seq, installed), false, 'when it is over');
      }
      equal(await publish(subscription, await begin(subscription)), true, 'a new read');
    },
  ),
  key(
    'R2.other',
    'refuses it although sections came and went elsewhere and others read in between',
    { source: `${mmuNotifier}:200-231` },
    async (world) => {
      const hit = await world.recorder(0, 10);
      const other = await world.recorder(20, 30);
      const seq = await begin(hit.subscription);
      await world.invalidate(0, 10);
      await world.invalidate(20, 30);
      await publish(other.subscription, await begin(other.subscription));
      await publish(hit.subscription, await begin(hit.subscription));
      equal(await publish(hit.subscription, seq, installed), false, 'a read from before');
    },
  ),
  key(
    'R2.lock',
    'refuses it when the section came while it waited for the driver’s lock',
    { source: `${mmuNotifier}:200-231` },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      const { ops, subscription } = await world.recorder(0, 10);
      const seq = await begin(subscription);
      ops.act = () => promise;
      const starting = world.start(0, 10);
      await waits(starting);
      const published = subscription.publish(seq, installed);
      await waits(published);
      resolve();
      equal(await over(published, 'publish'), false, 'the publication');
      await (
        await over(starting, 'start')
      )();
    },
  ),
  key(
    'R2.queue',
    'refuses it when the section stood before it in the queue for the driver’s lock',
    { source: 'Documentation/mm/hmm.rst v7.1: the retry is checked under the lock; HMM-1' },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      const { ops, subscription } = await world.recorder(0, 10);
      const order: string[] = [];
      ops.act = () => void order.push('torn down');
      const seq = await begin(subscription);
      const first = subscription.publish(seq, () => promise);
      await waits(first);
      const starting = world.start(0, 10);
      await waits(starting);
      const second = subscription.publish(seq, () => void order.push('installed'));
      await waits(second);
      resolve();
      await over(first, 'the first publication');
      const end = await over(starting, 'start');
      const isPublished = await over(second, 'the second publication');
      equal(order, isPublished ? ['installed', 'torn down'] : ['torn down'], 'what happened');
      await end();
    },
  ),
  key(
    'R2.try',
    'refuses it after a section that started without waiting',
    { source: 'mm/oom_kill.c v5.15.85; K-S6' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const seq = await begin(subscription);
      const end = world.tryStart(0, 10);
      if (end === undefined) return; // it may refuse what it hits
      equal(await publish(subscription, seq, installed), false, 'while it is open');
      await end();
      equal(await publish(subscription, seq, installed), false, 'when it is over');
    },
  ),
  key(
    'R3',
    'publishes, also twice, what was read with no section in between',
    { source: `${mmuNotifier}:200-231` },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      await world.invalidate(0, 10);
      const seq = await begin(subscription);
      let count = 0;
      for (let time = 0; time < 2; time++) {
        equal(await publish(subscription, seq, () => void count++), true, 'a publication');
      }
      equal(count, 2, 'installs');
    },
  ),
  key(
    'R3.scoped',
    'publishes although sections elsewhere were or are open, and does not wait for them',
    { when: 'retries by subscription', source: `${mmuNotifier}:200-231` },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      await world.recorder(20, 30);
      const seq = await begin(subscription);
      for (let count = 0; count < 3; count++) await world.invalidate(20, 30);
      const end = await world.start(10, 30);
      equal(await publish(subscription, seq), true, 'a read from before them');
      equal(await publish(subscription, await begin(subscription)), true, 'a read in one');
      await end();
    },
  ),
  key(
    'R3.wide',
    'refuses what was read before a section anywhere, while that is open or when it is over',
    { when: 'retries by address space', source: 'virt/kvm/kvm_main.c v5.3' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      await world.recorder(20, 30);
      const seq = await begin(subscription);
      const end = await world.start(20, 30);
      const during = await publish(subscription, seq);
      await end();
      const after = await publish(subscription, seq);
      check(!during || !after, 'a section elsewhere to refuse a read');
    },
  ),
  key(
    'R3.absent',
    'publishes whatever happened in between, having no way to notice',
    { when: 'never retries', source: 'ours: Traits.retryScope' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const seq = await begin(subscription);
      await world.invalidate(0, 10);
      equal(await publish(subscription, seq), true, 'a read from before a section');
    },
  ),
  key(
    'R4',
    'refuses in publish what checkRetry called hopeless',
    { source: 'include/linux/mmu_notifier.h v5.15.85:361-384' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const seq = await begin(subscription);
      check(!subscription.checkRetry(seq), 'no hint before any section');
      const end = await world.start(0, 10);
      const hopeless = subscription.checkRetry(seq);
      const published = await publish(subscription, seq);
      check(!(hopeless && published), 'a true hint in the section to be borne out');
      await end();
      const later = subscription.checkRetry(seq);
      check(!(later && (await publish(subscription, seq))), 'a true hint after it to be borne out');
      check(later || !hopeless, 'a hint that was true to stay true');
      const fresh = await begin(subscription);
      check(!subscription.checkRetry(fresh), 'no hint for a new read');
    },
  ),
  key(
    'R5',
    'returns from readBegin after one closing even if another section has opened, and refuses then',
    { when: 'ever retries', tier: 'min', source: `${mmuNotifier}:251-255` },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const { notifier } = world;
      const range = { start: 0, end: 10 };
      const first = notifier.invalidateRangeStartSync(range);
      const reading = subscription.readBegin();
      await stillWaits(reading, 'readBegin');
      notifier.invalidateRangeEndSync(first);
      const second = notifier.invalidateRangeStartSync(range);
      const seq = await over(reading, 'readBegin after the first section');
      equal(await publish(subscription, seq, installed), false, 'in the second section');
      await world.end(second);
      equal(await publish(subscription, seq, installed), false, 'after the second section');
    },
  ),
  key(
    'R6',
    'tells of an install that throws or rejects, and lets the driver’s lock go',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const reason = new Error('broken');
      const installs = [
        () => {
          throw reason;
        },
        () => Promise.reject(reason),
      ];
      for (const install of installs) {
        const seq = await begin(subscription);
        let came: unknown;
        try {
          await over(subscription.publish(seq, install), 'publish');
        } catch (error) {
          came = error;
        }
        check(came === reason, `what install threw, got ${String(came)}`);
      }
      await world.expectUsable(subscription);
    },
  ),
  key(
    'R6.async',
    'keeps others out until an asynchronous install is over',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const { promise, resolve } = deferred<void>();
      const seq = await begin(subscription);
      const first = subscription.publish(seq, () => promise);
      const second = subscription.publish(seq, () => {});
      await stillWaits(second, 'the second publication');
      resolve();
      const both = [await over(first, 'publish'), await over(second, 'publish')];
      equal(both, [true, true], 'publications');
      await world.expectUsable(subscription);
    },
  ),
  key(
    'R6.queue',
    'lets everybody who waits for the driver’s lock have it in the end',
    { source: 'Drepper, Futexes are tricky (2011)' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const seq = await begin(subscription);
      const gates = [deferred<void>(), deferred<void>()];
      const publications = [
        subscription.publish(seq, () => gates[0]!.promise),
        subscription.publish(seq, () => gates[1]!.promise),
        subscription.publish(seq, () => {}),
        subscription.publish(seq, () => {}),
      ];
      for (const { resolve } of gates) {
        await turns();
        resolve();
      }
      for (const each of publications) equal(await over(each, 'publish'), true, 'a publication');
      await world.expectUsable(subscription);
    },
  ),
  key(
    'R6.sync',
    'refuses an asynchronous install in publishSync, and keeps the lock until that is over',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const { promise, resolve } = deferred<void>();
      const seq = await begin(subscription);
      const publishIt = (): boolean => subscription.publishSync(seq, () => promise as never);
      equal(codeOfCall(publishIt), 'MMN_CALLBACK_ASYNC', 'the code');
      check(world.tryStart(0, 10) === undefined, 'a non-blockable start to find the lock held');
      resolve();
      await turns();
      await world.expectUsable(subscription);
    },
  ),
  key(
    'R6.abort',
    'gives up waiting for the driver’s lock when the signal aborts, and installs nothing',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { ops, subscription } = await world.recorder(0, 10);
      const { promise, resolve } = deferred<void>();
      ops.act = () => promise;
      const seq = await begin(subscription);
      const starting = world.start(0, 10);
      await waits(starting);
      const controller = new AbortController();
      const published = Promise.resolve(subscription.publish(seq, installed, controller.signal));
      const reason = new Error('enough');
      controller.abort(reason);
      const came = await over(
        published.then(String, (error: unknown) => error),
        'an aborted publish',
      );
      check(came === reason, `the signal's reason, got ${String(came)}`);
      resolve();
      await (
        await over(starting, 'start')
      )();
      ops.act = () => undefined;
      await world.expectUsable(subscription);
    },
  ),
  key(
    'R6.lock',
    'takes the lock that the subscriber brought, for callbacks and for publications',
    { source: 'include/linux/mmu_notifier.h v5.15.85: the user lock' },
    async (world) => {
      const held: string[] = [];
      const lock = new TestLock();
      const subscription = await world.subscribe(0, 10, {
        lock,
        invalidate: () => void held.push(`invalidate ${lock.isHeld}`),
        finish: () => void held.push(`finish ${lock.isHeld}`),
      });
      await world.invalidate(0, 10);
      const install = (): void => void held.push(`install ${lock.isHeld}`);
      equal(await publish(subscription, await begin(subscription), install), true, 'publish');
      equal(held, ['invalidate true', 'finish false', 'install true'], 'who held the lock');
      check(!lock.isHeld, 'the lock to be given back');
    },
  ),
  key(
    'R7',
    'lets the retry loop of core publish when the writer pauses, after as many collisions as there were sections',
    { when: 'ever retries', tier: 'min', source: 'K-L2' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const counters = collisionCounters();
      let reads = 0;
      const reading = collisionRetry(subscription, {
        counters,
        read: async () => {
          if (++reads <= 3) await world.invalidate(0, 10);
          return reads;
        },
        install: () => {},
      });
      equal(await over(reading, 'the retry loop'), 4, 'what was read');
      equal([counters.published, counters.longestRun], [1, 3], 'published, and collisions');
    },
  ),
  key(
    'R8',
    'refuses to wait in readBeginSync where nobody else could end the wait',
    { when: 'ever retries', tier: 'min', way: 'event-loop', source: 'ours: the contract of core' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      equal(
        codeOfCall(() => subscription.readBeginSync()),
        'MMN_WOULD_BLOCK',
        'the code',
      );
      await end();
      equal(
        subscription.publishSync(subscription.readBeginSync(), () => {}),
        true,
        'publishSync',
      );
    },
  ),
  key(
    'Q2',
    'never mints a number again that an older read may hold',
    { when: 'ever retries', tier: 'min', source: `${mmuNotifier}:238-244; signals 1.14.4` },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const seen = new Set<number>();
      for (let count = 0; count < 100; count++) {
        seen.add(await begin(subscription));
        await world.invalidate(0, 10);
      }
      equal(seen.size, 100, 'different numbers');
      const code = await codeFrom(async () => {
        for (const seq of seen) await publish(subscription, seq as never, installed);
        throw new RangeError('none');
      });
      equal(code, 'RangeError', 'publications of all of them');
    },
  ),
];

/** A lock that says whether it is held. One agent, and nobody waits for it. */
class TestLock {
  isHeld = false;

  tryLock(): boolean {
    if (this.isHeld) return false;
    return (this.isHeld = true);
  }

  lock(): void {
    check(this.tryLock(), 'a driver’s lock that is free');
  }

  lockSync(): void {
    this.lock();
  }

  unlock(): void {
    check(this.isHeld, 'a driver’s lock that is held');
    this.isHeld = false;
  }
}
