/** Callbacks that refuse, throw, never settle or come from the wrong place; both passes; the owner; starts that must not wait. */
import { deferred, isPromise, type MaybePromise } from '@mmu-notifier/core';
import { enableLockdep, mightSleep } from '@mmu-notifier/sync';
import { check, codeFrom, codeOfCall, equal, errorFrom, fail } from '../check.ts';
import { key, type Key } from '../key.ts';
import { over, stillWaits, turns, waits } from '../turns.ts';
import { begin, publish, Recorder } from '../world.ts';

const mmuNotifier = 'mm/mmu_notifier.c v5.15.85';
const reason = new Error('broken');
const throws = (): never => {
  throw reason;
};

export const callbackKeys: readonly Key[] = [
  key(
    'N1',
    'never waits in a non-blockable start, not for a driver’s lock that somebody holds',
    {
      source: 'include/linux/mmu_notifier.h v5.15.85:177-183; mm/mmu_notifier.c:491-495; K-S6',
    },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const { promise, resolve } = deferred<void>();
      const published = subscription.publish(await begin(subscription), () => promise);
      check(world.tryStart(0, 10) === undefined, 'a start to be refused while the lock is held');
      resolve();
      equal(await over(published, 'publish'), true, 'the publication');
      await world.expectUsable(subscription);
    },
  ),
  key(
    'N1.elsewhere',
    'refuses no non-blockable start because of somebody whom it misses',
    {
      when: 'filters by range',
      tier: 'min',
      source: 'include/linux/mmu_notifier.h v5.15.85:177-183; VH-5',
    },
    async (world) => {
      const { ops, calls } = await world.recorder(500, 510);
      ops.act = () => false;
      const end = world.tryStart(0, 10);
      check(end !== undefined, 'the start to go on');
      await end();
      equal(calls.length, 0, 'calls of the one elsewhere');
    },
  ),
  key(
    'N1.sleep',
    'is seen by the debug mode of sync to call nothing that may sleep in a non-blockable start',
    { source: 'include/linux/kernel.h v5.15.85: non_block_start; K-S6' },
    async (world) => {
      const blockable: boolean[] = [];
      await world.subscribe(0, 10, { invalidate: (range) => void blockable.push(range.blockable) });
      await world.subscribe(5, 15, { invalidate: () => {}, finish: () => {} });
      const reports: string[] = [];
      const disable = enableLockdep({ report: ({ message }) => void reports.push(message) });
      try {
        await world.tryStart(0, 10)?.();
      } finally {
        disable();
      }
      equal(reports, [], 'reports');
      check(!blockable.includes(true), 'callbacks to be told that they must not sleep');
    },
  ),
  key(
    'N1.told',
    'tells a callback whether it may wait, and the debug mode reports one that would sleep all the same',
    { tier: 'extra', source: 'include/linux/kernel.h v5.15.85: non_block_start' },
    async (world) => {
      const told: boolean[] = [];
      const sleepy = world.opsFor({
        invalidate({ blockable }) {
          told.push(blockable);
          mightSleep('a callback');
        },
      });
      const subscription = await over(
        world.notifier.subscribe({ start: 0, end: 10 }, sleepy),
        'subscribe',
      );
      const disable = enableLockdep();
      let code: string | undefined;
      try {
        code = codeOfCall(() => world.tryStart(0, 10));
      } finally {
        disable();
      }
      if (told.length > 0) equal(code, 'MMN_CALLBACK_FAILED', 'the code of the start');
      await world.expectUsable(subscription);
    },
  ),
  key(
    'N2',
    'leaves all as if it had not been called when a non-blockable start would block',
    { source: `${mmuNotifier}:466-472; K-S7` },
    async (world) => {
      const { calls, subscription } = await world.recorder(0, 10);
      const seq = await begin(subscription);
      const { promise, resolve } = deferred<void>();
      const published = subscription.publish(seq, () => promise);
      check(world.tryStart(0, 10) === undefined, 'the start to be refused');
      resolve();
      equal(await over(published, 'publish'), true, 'the publication that held the lock');
      equal(calls.length, 0, 'calls');
      equal(await publish(subscription, seq), true, 'a read from before');
      equal(await publish(subscription, await begin(subscription)), true, 'a read from after');
      await world.expectUsable(subscription);
    },
  ),
  key(
    'N2.refused',
    'leaves nothing open when a callback says that it would have to wait',
    { source: `${mmuNotifier}:466-472; K-S7` },
    async (world) => {
      const { ops, subscription } = await world.recorder(0, 10);
      const other = await world.recorder(0, 20);
      ops.act = () => false;
      for (let time = 0; time < 3; time++) {
        check(world.tryStart(0, 10) === undefined, 'the start to be refused');
      }
      ops.act = () => undefined;
      await world.expectUsable(other.subscription);
      await world.expectUsable(subscription);
    },
  ),
  key(
    'N2.nested',
    'would block inside another section, which stays open',
    { source: `${mmuNotifier}:466-472` },
    async (world) => {
      const { ops, subscription } = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      ops.act = () => false;
      check(world.tryStart(0, 10) === undefined, 'the start to be refused');
      ops.act = () => undefined;
      const reading = subscription.readBegin();
      if (!(await waits(reading))) {
        equal(await publish(subscription, await reading), false, 'a read in the outer section');
      }
      await end();
      await over(reading, 'readBegin after the end');
      equal(await publish(subscription, await begin(subscription)), true, 'a read from after');
    },
  ),
  key(
    'N3',
    'gives the second pass to exactly those whose invalidate went through when another would block',
    { when: 'two passes', source: `${mmuNotifier}:516-530; 7.1: two passes` },
    async (world) => {
      const order: string[] = [];
      for (const name of ['a', 'b', 'c']) {
        await world.subscribe(0, 10, {
          invalidate: ({ blockable }) => {
            if (!blockable) order.push(name);
            return name !== 'b' || blockable;
          },
          finish: ({ blockable }) => void (blockable || order.push(`finish ${name}`)),
        });
      }
      check(world.tryStart(0, 10) === undefined, 'the start to be refused');
      const called = order.filter((each) => each === 'a' || each === 'c');
      const finished = order.filter((each) => each.startsWith('finish'));
      equal(finished.sort(), called.map((each) => `finish ${each}`).sort(), 'second passes');
      equal(new Set(order).size, order.length, 'callbacks that were called once');
      await world.expectUsable(await world.subscribe(20, 30));
    },
  ),
  key(
    'N4',
    'undoes its part when another notifier of the address space refuses the start',
    {
      when: 'composes with another notifier',
      tier: 'extra',
      way: 'event-loop',
      source: `${mmuNotifier}:536-550, where Linux up to 7.1 does not; U-7, L-2; K-S7`,
    },
    async (world) => {
      const { composed } = world.subject;
      if (composed === undefined) return;
      const { notifier, refuse } = await composed();
      const both = world.with(notifier);
      const { subscription } = await both.recorder(0, 10);
      const gone = await both.recorder(0, 10);
      refuse(true);
      for (const start of [0, 50]) {
        check(both.tryStart(start, start + 10) === undefined, 'the start to be refused');
      }
      refuse(false);
      await over(gone.subscription.close(), 'close after a refused start');
      await both.expectUsable(subscription);
    },
  ),
  key(
    'N5',
    'reports a callback that refuses a blockable section, and ends that section',
    { source: `${mmuNotifier}:458-461` },
    async (world) => {
      for (const act of [() => false, () => turns(1).then(() => false)]) {
        const [bad, good] = [await world.recorder(0, 10), await world.recorder(0, 10)];
        bad.ops.act = act;
        equal(await codeFrom(() => world.start(0, 10)), 'MMN_CALLBACK_REFUSED', 'the code');
        equal(good.calls.length, 1, 'calls of the other');
        bad.ops.act = () => undefined;
        await world.expectUsable(bad.subscription);
      }
    },
  ),
  key(
    'E1',
    'tells of the first callback that throws or rejects, calls the others, and ends the section',
    { tier: 'min', source: 'ours: the contract of core' },
    async (world) => {
      for (const sleeps of [false, true]) {
        const recorded = [];
        const thrown: Error[] = [];
        const act = (): MaybePromise<void> => {
          const error = new Error('broken');
          thrown.push(error);
          if (sleeps) return turns(1).then(() => Promise.reject(error));
          throw error;
        };
        for (let count = 0; count < 4; count++) recorded.push(await world.recorder(0, 10));
        for (const which of [1, 2]) recorded[which]!.ops.act = act;
        const { code, cause } = await errorFrom(() => world.start(0, 10));
        equal(code, 'MMN_CALLBACK_FAILED', 'the code');
        check(cause === thrown[0], `what was thrown first as its cause, got ${String(cause)}`);
        for (const { calls } of recorded) equal(calls.length, 1, 'calls');
        for (const { ops } of recorded) ops.act = () => undefined;
        for (const { subscription } of recorded) await world.expectUsable(subscription);
      }
    },
  ),
  key(
    'E1.try',
    'tells of a callback that throws in a non-blockable start, also when another one would block',
    { source: 'ours: the contract of core' },
    async (world) => {
      const [thrower, blocker] = [await world.recorder(0, 10), await world.recorder(20, 30)];
      thrower.ops.act = throws;
      blocker.ops.act = () => false;
      let code: string | undefined;
      for (const end of [10, 30]) {
        try {
          const undone = world.tryStart(0, end);
          check(undone === undefined, 'no section');
        } catch (error) {
          ({ code } = error as { code?: string });
        }
        if (thrower.calls.length > 0) equal(code, 'MMN_CALLBACK_FAILED', 'the code');
      }
      for (const { ops } of [thrower, blocker]) ops.act = () => undefined;
      for (const { subscription } of [thrower, blocker]) await world.expectUsable(subscription);
    },
  ),
  key(
    'E1.finish',
    'tells of a second pass that throws, runs the others, and ends the section',
    { when: 'two passes', tier: 'min', source: 'ours: the contract of core' },
    async (world) => {
      let finished = 0;
      const finish = (): never => {
        finished++;
        throw reason;
      };
      const subscriptions = [];
      for (let count = 0; count < 2; count++) {
        subscriptions.push(await world.subscribe(0, 10, { invalidate: () => {}, finish }));
      }
      const { code, cause } = await errorFrom(() => world.start(0, 10));
      equal([code, cause === reason, finished], ['MMN_CALLBACK_FAILED', true, 2], 'what came');
      for (const each of subscriptions) await over(each.close(), 'close');
      await world.expectUsable();
    },
  ),
  key(
    'E2',
    'refuses a promise from a callback where nobody can wait for it, and lets its lock go',
    { source: 'ours: the contract of core' },
    async (world) => {
      for (const pass of ['invalidate', 'finish'] as const) {
        let isAsynchronous = true;
        const subscription = await world.subscribe(0, 10, {
          invalidate: () => {},
          [pass]: () => (isAsynchronous ? Promise.reject(reason) : undefined),
        });
        const { notifier } = world;
        const forms = [
          () => notifier.invalidateRangeStartSync({ start: 0, end: 10 }),
          () => notifier.tryInvalidateRangeStart({ start: 0, end: 10 }) ?? refusedIsFine(),
        ];
        for (const form of forms) equal(await codeFrom(form), 'MMN_CALLBACK_ASYNC', pass);
        isAsynchronous = false;
        await turns(1);
        await world.expectUsable(subscription);
      }
    },
  ),
  key(
    'E3',
    'refuses what are no ops, no cookie, and an ops id out of range, with its code',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { notifier } = world;
      const span = { start: 0, end: 1 };
      for (const bad of [undefined, null, {}, { invalidate: 5 }, 'ops', 77]) {
        const code = await codeFrom(() => notifier.subscribe(span, bad as never));
        equal(code, 'MMN_OPS_UNKNOWN', `subscribe(span, ${JSON.stringify(bad)})`);
      }
      const ops = world.opsFor(new Recorder());
      for (const cookie of [0.5, 2 ** 31, -(2 ** 31) - 1, NaN, 'a', null]) {
        const code = await codeFrom(() =>
          notifier.subscribe(span, ops, { cookie: cookie as never }),
        );
        equal(code, 'MMN_OPTION', `a cookie of ${String(cookie)}`);
      }
      for (const id of [-1, 0.5, 65_536, NaN, 'a']) {
        const code = codeOfCall(() => notifier.registerOps(id as never, new Recorder()));
        equal(code, 'MMN_OPTION', `an ops id of ${String(id)}`);
      }
      for (const cookie of [2 ** 31 - 1, -(2 ** 31)]) {
        const { calls } = await world.recorder(0, 10, { cookie });
        await world.invalidate(0, 10);
        equal(
          calls.map((call) => call.cookie),
          [cookie],
          'the cookie that a callback gets',
        );
      }
      await world.expectUsable();
    },
  ),
  key(
    'F1',
    'runs every invalidate of a section before any finish, and finish without the driver’s lock',
    { when: 'two passes', source: 'mm/mmu_notifier.c v7.1: 7aba71dbc416' },
    async (world) => {
      const order: string[] = [];
      const invalidate = (): void => void order.push('invalidate');
      const finish = async (): Promise<void> => {
        order.push('finish');
        await turns(1);
        order.push('over');
      };
      for (let count = 0; count < 2; count++) {
        await world.subscribe(0, 10, { invalidate, finish });
      }
      const end = await world.start(0, 10);
      equal(order.slice(0, 2), ['invalidate', 'invalidate'], 'the first pass');
      equal(order.filter((each) => each === 'over').length, 2, 'second passes');
      await end();
      equal(order.length, 6, 'callbacks');
    },
  ),
  key(
    'F1.absent',
    'runs finish of one subscription before another’s invalidate',
    { when: 'one pass', source: 'ours: Traits.twoPass' },
    async (world) => {
      const order: string[] = [];
      for (let count = 0; count < 2; count++) {
        const invalidate = (): void => void order.push('invalidate');
        await world.subscribe(0, 10, { invalidate, finish: () => void order.push('finish') });
      }
      await world.invalidate(0, 10);
      equal(order, ['invalidate', 'finish', 'invalidate', 'finish'], 'the passes');
    },
  ),
  key(
    'P1',
    'does not tell an owner of its own MIGRATE and EXCLUSIVE, whose reads go on; others are told',
    { when: 'filters by owner', source: 'include/linux/mmu_notifier.h v7.1; lib/test_hmm.c' },
    async (world) => {
      const owner = { name: 'device 0' };
      const told: string[] = [];
      const ops = (name: string): Pick<Recorder, 'invalidate'> & { finish(): void } => ({
        invalidate: () => void told.push(name),
        finish: () => void told.push(`finish ${name}`),
      });
      const own = await world.subscribe(0, 10, { ...ops('own'), owner });
      const other = await world.subscribe(0, 10, { ...ops('other'), owner: { ...owner } });
      await world.subscribe(0, 10, ops('unowned'));
      for (const event of ['MIGRATE', 'EXCLUSIVE'] as const) {
        told.length = 0;
        const [seq, theirs] = [await begin(own), await begin(other)];
        const end = await world.start(0, 10, { event, owner });
        const expected = ['finish other', 'finish unowned', 'other', 'unowned'];
        equal(told.toSorted(), expected, `who is told of ${event}`);
        if (world.subject.traits.retryScope === 'subscription') {
          equal(await publish(own, seq), true, 'a read of the owner');
        }
        equal(await publish(other, theirs, installed), false, 'a read of another');
        await end();
      }
      for (const event of ['CLEAR', 'UNMAP'] as const) {
        told.length = 0;
        const end = await world.start(0, 10, { event, owner });
        await end();
        check(told.includes('own'), `the owner to be told of ${event}`);
      }
    },
  ),
  key(
    'P1.absent',
    'tells everybody of MIGRATE, the owner too',
    { when: 'does not filter by owner', source: 'ours: Traits.filtersByOwner' },
    async (world) => {
      const owner = { name: 'device 0' };
      const own = Object.assign(new Recorder(), { owner });
      await world.subscribe(0, 10, own);
      const end = await world.start(0, 10, { event: 'MIGRATE', owner });
      await end();
      equal(own.calls.length, 1, 'calls of the owner');
    },
  ),
  key(
    'C1',
    'keeps two notifiers of one process apart, also in each other’s callbacks',
    { source: 'userspace-rcu: test_urcu_multiflavor' },
    async (world) => {
      const another = world.another();
      const first = await world.recorder(0, 10);
      const second = await another.recorder(0, 10);
      const seq = await begin(second.subscription);
      const end = await world.start(0, 10);
      equal(second.calls.length, 0, 'calls of the other');
      equal(await publish(second.subscription, seq), true, 'a read of the other');
      first.ops.act = () => another.invalidate(0, 10);
      const nested = await world.start(0, 10);
      equal(second.calls.length, 1, 'calls of the other by a callback');
      await nested();
      await over(another.notifier.release(), 'release of the other');
      await end();
      first.ops.act = () => undefined;
      await world.expectUsable(first.subscription);
    },
  ),
  key(
    'A1',
    'returns no promise where nothing has to be waited for',
    { tier: 'extra', source: 'ours: the contract of core' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const { notifier } = world;
      const section = notifier.invalidateRangeStart({ start: 0, end: 10 });
      returnsAtOnce(section, 'start');
      returnsAtOnce(notifier.invalidateRangeEnd(await section), 'end');
      const seq = subscription.readBegin();
      returnsAtOnce(seq, 'readBegin');
      returnsAtOnce(
        subscription.publish(await seq, () => {}),
        'publish',
      );
    },
  ),
  key(
    'A2',
    'waits with a promise where a callback sleeps, and with nothing where it need not',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      const { ops } = await world.recorder(0, 10);
      ops.act = () => promise;
      const starting = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
      await stillWaits(starting, 'start');
      resolve();
      await world.end(await over(starting, 'start'));
    },
  ),
];

function installed(): never {
  return fail('installed what collided');
}

function returnsAtOnce(value: MaybePromise<unknown>, what: string): void {
  check(!isPromise(value), `${what} to return at once`);
}

/** Refused without calling anybody: then there was no promise to refuse. */
function refusedIsFine(): never {
  throw Object.assign(new Error('refused'), { name: 'NotifierError', code: 'MMN_CALLBACK_ASYNC' });
}
