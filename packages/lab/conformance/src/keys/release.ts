/** The address space dies. */
import { deferred, addressMax } from '@mmu-notifier/core';
import { check, codeFrom, codeOfCall, equal, errorFrom, fail } from '../check.ts';
import { key, type Key } from '../key.ts';
import { over, waits } from '../turns.ts';
import { begin, close, Recorder } from '../world.ts';

const source = 'mm/mmu_notifier.c v5.15.85:261-284';

export const releaseKeys: readonly Key[] = [
  key(
    'L1',
    'tells every subscription of a release once, blockable, over the whole space',
    { source: `${source}; U-3; K-S5` },
    async (world) => {
      const recorded = [];
      for (const [cookie, [start, end]] of (
        [
          [0, 1],
          [5, 50],
          [addressMax - 1, addressMax],
        ] as const
      ).entries()) {
        recorded.push(await world.recorder(start, end, { cookie }));
      }
      await over(world.notifier.release(), 'release');
      for (const [cookie, { calls }] of recorded.entries()) {
        equal(calls.length, 1, 'calls');
        const { start, end, event, blockable } = calls[0]!;
        equal([start, end, event, blockable], [0, addressMax, 'RELEASE', true], 'the range');
        equal(calls[0]!.cookie, cookie, 'the cookie');
      }
      world.notifier.verify();
    },
  ),
  key(
    'L1.beside',
    'tells it once also where another notifier shares the address space',
    {
      when: 'composes with another notifier',
      tier: 'min',
      way: 'event-loop',
      source: `${source}; U-3`,
    },
    async (world) => {
      const { composed } = world.subject;
      if (composed === undefined) return;
      const both = world.with((await composed()).notifier);
      const { calls } = await both.recorder(0, 10);
      await over(both.notifier.release(), 'release');
      equal(
        calls.map(({ event }) => event),
        ['RELEASE'],
        'calls',
      );
    },
  ),
  key(
    'L1.order',
    'runs invalidate, then finish, then release of each subscription, each once, in either form',
    { source },
    async (world) => {
      for (const isSync of [false, true]) {
        const one = world.another();
        const { notifier } = one;
        const order: string[] = [];
        for (const name of ['a', 'b']) {
          await one.subscribe(0, 10, {
            invalidate: () => void order.push(`${name} invalidate`),
            finish: () => void order.push(`${name} finish`),
            release: () => void order.push(`${name} release`),
          });
        }
        if (isSync) notifier.releaseSync();
        else await over(notifier.release(), 'release');
        for (const name of ['a', 'b']) {
          const passes = ['invalidate', 'finish', 'release'].map((pass) => `${name} ${pass}`);
          equal(
            order.filter((each) => each.startsWith(name)),
            passes,
            'the callbacks',
          );
        }
      }
    },
  ),
  key(
    'L1.after',
    'refuses afterwards whatever needs a living address space; sections and closing stay legal',
    { source: `${source}; kernel/exit: UNMAP over everything after the release; U-4` },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const { notifier } = world;
      const seq = await begin(subscription);
      await over(notifier.release(), 'release');
      const span = { start: 0, end: 10 };
      const ops = world.opsFor(new Recorder());
      const forms = {
        subscribe: () => over(notifier.subscribe(span, ops), 'subscribe'),
        readBegin: () => over(subscription.readBegin(), 'readBegin'),
        readBeginSync: () => subscription.readBeginSync(),
        publish: () => over(subscription.publish(seq, installed), 'publish'),
        publishSync: () => subscription.publishSync(seq, installed),
        release: () => over(notifier.release(), 'release'),
        releaseSync: () => notifier.releaseSync(),
      };
      for (let time = 0; time < 2; time++) {
        for (const [what, form] of Object.entries(forms)) {
          equal(await codeFrom(form), 'MMN_RELEASED', what);
        }
      }
      const end = await world.start(0, addressMax, { event: 'UNMAP' });
      await end();
      await world.tryStart(0, 5)?.();
      await close(subscription);
      await world.invalidate(0, 10);
    },
  ),
  key(
    'L1.late',
    'publishes nothing that was read before a release',
    { source: `${source}; U-1` },
    async (world) => {
      // Another one is still being told when this one's lock is free again: one made before it, or after it.
      for (const isOtherFirst of [true, false]) {
        const one = world.another();
        const [here, there] = [deferred<void>(), deferred<void>()];
        let isInstalled = false;
        const tearDown = (): Promise<void> => here.promise.then(() => void (isInstalled = false));
        const sleeper = { invalidate: () => there.promise };
        if (isOtherFirst) await one.subscribe(0, 10, sleeper);
        const subscription = await one.subscribe(0, 10, { invalidate: tearDown });
        if (!isOtherFirst) await one.subscribe(0, 10, sleeper);
        const seq = await begin(subscription);
        const releasing = one.notifier.release();
        await waits(releasing);
        const publishing = Promise.resolve()
          .then(() => subscription.publish(seq, () => void (isInstalled = true)))
          .catch(() => false);
        await waits(publishing);
        for (const { resolve } of isOtherFirst ? [there, here] : [here, there]) {
          resolve();
          await waits(publishing);
        }
        await over(releasing, 'release');
        await over(publishing, 'publish');
        check(!isInstalled, 'nothing to be installed after the tear-down');
        equal(await codeFrom(() => subscription.publish(seq, () => {})), 'MMN_RELEASED', 'code');
      }
    },
  ),
  key(
    'L1.read',
    'tells a read that waits through a release',
    { when: 'ever retries', tier: 'min', source },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      const reading = Promise.resolve(subscription.readBegin());
      void reading.catch(() => {});
      const releasing = world.notifier.release();
      await waits(releasing);
      await end();
      await over(releasing, 'release');
      const code = await codeFrom(async () => {
        const seq = await over(reading, 'readBegin');
        await subscription.publish(seq, () => fail('installed into a dead address space'));
      });
      equal(code, 'MMN_RELEASED', 'the read, or its publication');
    },
  ),
  key(
    'L1.open',
    'leaves nobody waiting for a section that was open at the release',
    { source: `${source}; ODP-5` },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const other = await world.recorder(20, 30);
      const end = await world.start(0, 10);
      await over(world.notifier.release(), 'release in a section');
      await end();
      await over(subscription.close(), 'close after it');
      await over(other.subscription.close(), 'close of another after it');
    },
  ),
  key(
    'L1.section',
    'takes a section of a caller’s own with the event RELEASE for a section',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { calls, subscription } = await world.recorder(0, 10);
      const end = await world.start(0, 10, { event: 'RELEASE' });
      await end();
      equal(calls.length, 1, 'calls');
      await world.expectUsable(subscription);
    },
  ),
  key(
    'L1.errors',
    'goes on with a release whatever callbacks do, and tells the first that failed',
    { tier: 'min', source: 'ours: the contract of core' },
    async (world) => {
      const reason = new Error('broken');
      const recorded = [];
      for (const act of [() => Promise.reject(reason), () => undefined]) {
        const each = await world.recorder(0, 10);
        each.ops.act = act;
        recorded.push(each);
      }
      const { code, cause } = await errorFrom(() => over(world.notifier.release(), 'release'));
      equal([code, cause === reason], ['MMN_CALLBACK_FAILED', true], 'what came');
      for (const { calls, subscription } of recorded) {
        equal(calls.length, 1, 'calls');
        equal(await codeFrom(() => subscription.readBegin()), 'MMN_RELEASED', 'readBegin');
        await close(subscription);
      }
      world.notifier.verify();
    },
  ),
  key(
    'L1.close',
    'has close wait for a release callback that sleeps',
    { source: `${source}; L-1` },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      let isOver = false;
      const release = (): Promise<void> => promise.then(() => void (isOver = true));
      const subscription = await world.subscribe(0, 10, { invalidate: () => {}, release });
      const releasing = world.notifier.release();
      await waits(releasing);
      const closing = subscription.close();
      await waits(closing);
      check(!isOver, 'the release callback to sleep');
      resolve();
      await over(closing, 'close');
      check(isOver, 'the release callback to be over when close has returned');
      await over(releasing, 'release');
      world.notifier.verify();
    },
  ),
  key(
    'L2',
    'refuses to release in a callback, in either form',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { ops, subscription } = await world.recorder(0, 10);
      const codes: unknown[] = [];
      ops.act = async () => {
        codes.push(codeOfCall(() => world.notifier.releaseSync()));
        codes.push(await codeFrom(() => world.notifier.release()));
      };
      await world.invalidate(0, 10);
      equal(codes[0], 'MMN_IN_CALLBACK', 'the code of releaseSync');
      check(codes.length === 2, 'both forms to be called');
      ops.act = () => undefined;
      await world.expectUsable(subscription);
    },
  ),
];

function installed(): never {
  return fail('installed into a dead address space');
}
