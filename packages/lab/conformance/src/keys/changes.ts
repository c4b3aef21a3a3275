/** Subscribing and closing, also while something runs. */
import { deferred } from '@mmu-notifier/core';
import { check, codeFrom, codeOfCall, equal, fail } from '../check.ts';
import { key, type Key } from '../key.ts';
import { over, stillWaits, turns, waits } from '../turns.ts';
import { begin, close, publish, Recorder } from '../world.ts';

const mmuNotifier = 'mm/mmu_notifier.c v5.15.85';
const span = { start: 0, end: 10 };

export const changeKeys: readonly Key[] = [
  key(
    'D1',
    'shows a subscription made in a section only to sections after it, while its first read collides',
    { when: 'defers changes', source: `${mmuNotifier}:938-961` },
    async (world) => {
      await world.recorder(0, 10);
      const end = await world.start(0, 10);
      const { calls, subscription } = await world.recorder(0, 10);
      await world.invalidate(0, 10);
      equal(calls.length, 0, 'calls in the same epoch');
      const reading = subscription.readBegin();
      await stillWaits(reading, 'its first read');
      await end();
      equal(await publish(subscription, await over(reading, 'readBegin')), true, 'after the end');
      await world.invalidate(0, 10);
      equal(calls.length, 1, 'calls of a later section');
    },
  ),
  key(
    'D1.at-once',
    'shows a subscription made in a section to every section that starts after it',
    { when: 'changes at once', source: 'ours: Traits.defersChanges' },
    async (world) => {
      await world.recorder(0, 10);
      const end = await world.start(0, 10);
      const { calls } = await world.recorder(0, 10);
      equal(calls.length, 0, 'calls of the section that was open');
      await world.invalidate(0, 10);
      equal(calls.length, 1, 'calls of one that started later');
      await end();
    },
  ),
  key(
    'D1.waits',
    'makes subscribe wait until no section is open, at least the first',
    { when: 'subscribe waits', source: 'mm/mmu_notifier.c v5.3: mm_take_all_locks' },
    async (world) => {
      const end = await world.start(0, 10);
      const ops = new Recorder();
      const subscribing = world.notifier.subscribe(span, world.opsFor(ops));
      await stillWaits(subscribing, 'subscribe in a section');
      await end();
      const subscription = await over(subscribing, 'subscribe after the end');
      equal(ops.calls.length, 0, 'calls of the section that was open');
      equal(await publish(subscription, await begin(subscription)), true, 'a publication');
      await world.invalidate(0, 10);
      equal(ops.calls.length, 1, 'calls of a later section');
    },
  ),
  key(
    'D1.nested',
    'does not make a section wait for a subscription that waits for sections',
    { when: 'subscribe waits', tier: 'min', source: 'K-L3; ODP-1' },
    async (world) => {
      await world.recorder(0, 10);
      const end = await world.start(0, 10);
      const subscribing = world.notifier.subscribe(span, world.opsFor(new Recorder()));
      await waits(subscribing);
      const nested = await world.start(0, 10);
      await nested();
      await end();
      await over(subscribing, 'subscribe');
    },
  ),
  key(
    'D2',
    'takes open sections that hit nobody for hits of a subscription made meanwhile',
    { when: 'defers changes', source: `${mmuNotifier}:952-961` },
    async (world) => {
      const end = await world.start(0, 10);
      const { calls, subscription } = await world.recorder(0, 10);
      const reading = subscription.readBegin();
      await stillWaits(reading, 'its first read');
      await end();
      equal(await publish(subscription, await over(reading, 'readBegin')), true, 'after the end');
      equal(calls.length, 0, 'calls');
    },
  ),
  key(
    'D3',
    'cancels a deferred subscription that is closed before it came into effect',
    { when: 'defers changes', source: `${mmuNotifier}:1071-1077` },
    async (world) => {
      const hit = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      const recorded = [];
      for (let count = 0; count < 4; count++) recorded.push(await world.recorder(0, 10));
      for (const which of [1, 3]) await close(recorded[which]!.subscription);
      await end();
      await world.invalidate(0, 10);
      equal(
        recorded.map(({ calls }) => calls.length),
        [1, 0, 1, 0],
        'calls',
      );
      equal(hit.calls.length, 2, 'calls of the other');
    },
  ),
  key(
    'D4',
    'makes close in a section that hit somebody wait for its end, since the tree must not change before',
    { when: 'defers changes', source: `${mmuNotifier}:1078-1099; K-S8` },
    async (world) => {
      const recorded = [await world.recorder(0, 10), await world.recorder(0, 10)];
      const end = await world.start(0, 10);
      const closing = recorded[0]!.subscription.close();
      await stillWaits(closing, 'close');
      await end();
      await over(closing, 'close after the end');
      await world.invalidate(0, 10);
      equal(
        recorded.map(({ calls }) => calls.length),
        [1, 2],
        'calls',
      );
    },
  ),
  key(
    'D4.at-once',
    'lets close go on in an open section that has called already',
    { when: 'changes at once', source: 'ours: Traits.defersChanges' },
    async (world) => {
      const { calls, subscription } = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      await close(subscription);
      await end();
      await world.invalidate(0, 10);
      equal(calls.length, 1, 'calls');
    },
  ),
  key(
    'U1',
    'calls nobody who has closed, and takes a second close for nothing',
    { source: `${mmuNotifier}:810-819, 1058-1059; K-S3` },
    async (world) => {
      const before = await world.recorder(0, 10);
      const { calls, subscription } = await world.recorder(0, 10);
      const after = await world.recorder(0, 10);
      check(subscription.isOpen, 'a new subscription to be open');
      await close(subscription);
      check(!subscription.isOpen, 'a closed subscription not to be open');
      await close(subscription);
      subscription.closeSync();
      await world.invalidate(0, 10);
      await world.tryStart(0, 10)?.();
      equal(calls.length, 0, 'calls');
      for (const other of [before, after]) check(other.calls.length > 0, 'others to be called');
    },
  ),
  ...(['invalidate', 'finish'] as const).map((pass) =>
    key(
      `U1.${pass}`,
      `waits in close for its ${pass} that sleeps`,
      { source: `${mmuNotifier}:1058-1059; K-S3` },
      async (world) => {
        const { promise, resolve } = deferred<void>();
        let isOver = false;
        const sleeping = (): Promise<void> => promise.then(() => void (isOver = true));
        const ops = { invalidate: () => {}, [pass]: sleeping };
        const subscription = await world.subscribe(0, 10, ops);
        const starting = world.start(0, 10);
        await waits(starting);
        const closings = [subscription.close(), subscription.close()];
        for (const each of closings) await stillWaits(each, 'close');
        resolve();
        await (
          await over(starting, 'start')
        )();
        for (const each of closings) await over(each, 'close after the callback');
        check(isOver, 'the callback to be over when close has returned');
        world.notifier.verify();
      },
    ),
  ),
  key(
    'U1.aborted',
    'waits in close for its callback whose start was given up',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      const controller = new AbortController();
      let isOver = false;
      const invalidate = (): Promise<void> => promise.then(() => void (isOver = true));
      const subscription = await world.subscribe(0, 10, { invalidate });
      const starting = world.notifier.invalidateRangeStart(span, controller.signal);
      await waits(starting);
      controller.abort();
      await codeFrom(() => over(starting, 'an aborted start'));
      const closing = subscription.close();
      await stillWaits(closing, 'close');
      resolve();
      await over(closing, 'close after the callback');
      check(isOver, 'the callback to be over when close has returned');
      world.notifier.verify();
    },
  ),
  key(
    'U1.queued',
    'has a start under way call a closing subscription before close returns, or not at all',
    { source: `${mmuNotifier}:810-819; K-S3` },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      let hasClosed = false;
      const ops = new Recorder();
      ops.act = () => void (hasClosed && fail('called after its close had returned'));
      const sleeper = { invalidate: () => promise };
      const [before, subscription, after] = [
        await world.subscribe(0, 10, sleeper),
        await world.subscribe(0, 10, ops),
        await world.subscribe(0, 10, sleeper),
      ];
      const starting = world.start(0, 10);
      await waits(starting);
      const closing = Promise.resolve(subscription.close()).then(() => void (hasClosed = true));
      await waits(closing);
      resolve();
      await (
        await over(starting, 'start')
      )();
      await over(closing, 'close');
      await world.invalidate(0, 10);
      for (const each of [before, after]) await close(each);
      check(ops.calls.length <= 1, 'one call at most');
    },
  ),
  key(
    'U1.install',
    'waits in close for a publication on its way, and refuses one that waits for the lock',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      const { subscription } = await world.recorder(0, 10);
      const seq = await begin(subscription);
      const first = subscription.publish(seq, () => promise);
      const second = Promise.resolve(
        subscription.publish(seq, () => fail('installed when closed')),
      );
      void second.catch(() => {});
      await waits(second);
      const closing = subscription.close();
      await stillWaits(closing, 'close');
      resolve();
      equal(await over(first, 'the first publication'), true, 'the first publication');
      equal(await codeFrom(() => over(second, 'the second')), 'MMN_CLOSED', 'the second');
      await over(closing, 'close');
      world.notifier.verify();
    },
  ),
  key(
    'U1.abort',
    'goes on closing by itself when the wait for it was given up',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      const { ops, calls, subscription } = await world.recorder(0, 10);
      ops.act = () => promise;
      const starting = world.start(0, 10);
      await waits(starting);
      const controller = new AbortController();
      const closing = Promise.resolve(subscription.close(controller.signal));
      controller.abort(new Error('enough'));
      const came = await over(
        closing.then(String, (error: Error) => error.message),
        'an aborted close',
      );
      equal(came, 'enough', 'what it rejects with');
      await stillWaits(subscription.close(), 'another close');
      resolve();
      await (
        await over(starting, 'start')
      )();
      await close(subscription);
      await world.invalidate(0, 10);
      equal(calls.length, 1, 'calls');
    },
  ),
  key(
    'U1.read',
    'lets a read that waits go on when its subscription has closed, and publishes nothing of it',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      const reading = Promise.resolve(subscription.readBegin()).catch(() => undefined);
      const closing = subscription.close();
      await waits(closing);
      await end();
      await over(closing, 'close');
      const came = await over(reading, 'a read of a closed subscription');
      const code = await codeFrom(() => subscription.publish(came ?? (0 as never), () => {}));
      equal(code, 'MMN_CLOSED', 'its publication');
    },
  ),
  key(
    'U2',
    'refuses to close in a callback, in every form, and the section goes on',
    { source: `${mmuNotifier}:1055-1056` },
    async (world) => {
      const codes: string[] = [];
      const closeIt = async (): Promise<void> => {
        codes.push(String(codeOfCall(() => subscription.closeSync())));
        codes.push(await codeFrom(() => subscription.close()));
      };
      const subscription = await world.subscribe(0, 10, { invalidate: closeIt, finish: closeIt });
      await world.invalidate(0, 10);
      equal(
        codes,
        Array.from({ length: 4 }, () => 'MMN_IN_CALLBACK'),
        'codes',
      );
      check(subscription.isOpen, 'the subscription to be open');
      await close(subscription);
    },
  ),
  key(
    'U3',
    'refuses every use of a closed subscription with its code',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const seq = await begin(subscription);
      await close(subscription);
      for (const form of [
        () => subscription.readBegin(),
        () => subscription.readBeginSync(),
        () => subscription.publish(seq, () => fail('installed when closed')),
        () => subscription.publishSync(seq, () => fail('installed when closed')),
      ]) {
        equal(await codeFrom(form), 'MMN_CLOSED', 'the code');
      }
      await world.expectUsable();
    },
  ),
  key(
    'U4',
    'leaves nothing to subscriptions that come after one that closed',
    { source: 'ours' },
    async (world) => {
      const small = world.another(1);
      for (let round = 0; round < 3; round++) {
        const { calls, subscription } = await small.recorder(0, 10, { cookie: round });
        equal(await publish(subscription, await begin(subscription)), true, 'a publication');
        await small.invalidate(0, 10);
        equal(
          calls.map(({ cookie }) => cookie),
          [round],
          'calls',
        );
        await small.expectUsable(subscription);
      }
    },
  ),
  key(
    'M1',
    'refuses what there is no room for with its code, and has room again after a close',
    { when: 'shared memory', way: 'shared-memory', source: 'ours: the contract of core' },
    async (world) => {
      const small = world.another(2);
      const { notifier } = small;
      const first = await small.recorder(0, 10);
      const second = await small.recorder(0, 10);
      const more = small.opsFor(new Recorder());
      for (let time = 0; time < 2; time++) {
        equal(await codeFrom(() => notifier.subscribe(span, more)), 'MMN_OUT_OF_CAPACITY', 'code');
      }
      await small.invalidate(0, 10);
      equal([first.calls.length, second.calls.length], [1, 1], 'calls');
      await close(first.subscription);
      const third = await small.recorder(0, 10);
      await small.invalidate(0, 10);
      equal([first.calls.length, third.calls.length], [1, 1], 'calls');
    },
  ),
  key(
    'M2',
    'grows in one event loop, also under sections, callbacks and reads that wait',
    {
      when: 'subscribe never waits',
      tier: 'min',
      way: 'event-loop',
      source: 'ours: CreateOptions.memory',
    },
    async (world) => {
      const small = world.another(1);
      const { promise, resolve } = deferred<void>();
      const first = await small.recorder(0, 10);
      const end = await small.start(0, 10);
      first.ops.act = () => promise;
      const starting = small.start(0, 10);
      await waits(starting);
      const reading = first.subscription.readBegin();
      const others = Array.from({ length: 100 }, () => new Recorder());
      const subscribing = others.map((ops) => small.notifier.subscribe(span, small.opsFor(ops)));
      resolve();
      for (const each of subscribing) await over(each, 'subscribe');
      await (
        await over(starting, 'start')
      )();
      await end();
      await over(reading, 'readBegin');
      const { subscription } = first;
      equal(await publish(subscription, await begin(subscription)), true, 'a publication');
      first.ops.act = () => undefined;
      await small.invalidate(0, 1);
      equal(first.calls.length, 3, 'calls of the first');
      for (const { calls } of others) equal(calls.length, 1, 'calls of the others');
      await turns(1);
    },
  ),
];
