/** What a start does before it returns, and what an end takes back. */
import {
  deferred,
  addressMax,
  invalidationEvents,
  overlaps,
  type Invalidation,
  type RangeToInvalidate,
} from '@mmu-notifier/core';
import { check, codeFrom, codeOfCall, equal, fail } from '../check.ts';
import { key, type Key } from '../key.ts';
import { stillWaits, over, waits } from '../turns.ts';
import { begin, publish, Recorder, type Recorded } from '../world.ts';

const mmuNotifier = 'mm/mmu_notifier.c';

export const sectionKeys: readonly Key[] = [
  key(
    'S1',
    'calls every overlapping subscription once, with its cookie, before start returns',
    { source: `${mmuNotifier} v5.15.85:444-464, 483-514` },
    async (world) => {
      const spans = [
        [0, 5],
        [4, 20],
        [4, 20],
        [9, 10],
        [0, 100],
      ] as const;
      const recorded = [];
      for (const [cookie, [start, end]] of spans.entries()) {
        recorded.push(await world.recorder(start, end, { cookie }));
      }
      const end = await world.start(4, 10, { event: 'UNMAP' });
      const call = { start: 4, end: 10, event: 'UNMAP', blockable: true };
      for (const [cookie, { calls }] of recorded.entries()) {
        equal(
          calls,
          [{ ...call, owner: undefined, cookie }],
          `the calls of subscription ${cookie}`,
        );
      }
      await end();
      for (const { calls } of recorded) equal(calls.length, 1, 'calls after the end');
    },
  ),
  key(
    'S1.sleeps',
    'returns from start when the last sleeping callback is over, and not before',
    { source: `${mmuNotifier} v5.15.85:444-464` },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      const recorded = [await world.recorder(0, 10), await world.recorder(0, 10)];
      recorded[0]!.ops.act = () => promise;
      const starting = world.start(0, 10);
      check(await waits(starting), 'a start with a sleeping callback to wait');
      resolve();
      const end = await over(starting, 'a start whose callback is over');
      for (const { calls } of recorded) equal(calls.length, 1, 'calls');
      await end();
    },
  ),
  key(
    'S1.once',
    'calls nobody again who publishes again while another one’s callback sleeps',
    { source: 'ours: the contract of core; I915-3' },
    async (world) => {
      for (const order of [0, 1]) {
        const pair = [await world.recorder(0, 10), await world.recorder(0, 10)];
        for (const { subscription } of pair) await publish(subscription, await begin(subscription));
        const { promise, resolve } = deferred<void>();
        const [slow, quick] = [pair[order]!, pair[1 - order]!];
        slow.ops.act = () => promise;
        const starting = world.start(0, 10);
        await waits(starting);
        const again = Promise.resolve(quick.subscription.readBegin()).then((seq) =>
          quick.subscription.publish(seq, () => {}),
        );
        await waits(again);
        resolve();
        await (
          await over(starting, 'start')
        )();
        await over(again, 'what is read in a section');
        equal([slow.calls.length, quick.calls.length], [1, 1], 'calls of the slow one, the other');
        for (const { subscription } of pair) await over(subscription.close(), 'close');
      }
    },
  ),
  key(
    'S1.sync',
    'does the same in the …Sync forms, which return no promise',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { notifier } = world;
      const ops = new Recorder();
      const span = { start: 0, end: 10 };
      const subscription = notifier.subscribeSync(span, world.opsFor(ops), { cookie: 7 });
      const seq = subscription.readBeginSync();
      const section = notifier.invalidateRangeStartSync({ start: 9, end: 20 });
      equal(
        ops.calls.map(({ cookie }) => cookie),
        [7],
        'who was called',
      );
      notifier.invalidateRangeEndSync(section);
      notifier.verify();
      if (world.subject.traits.retryScope !== 'none') {
        equal(
          subscription.publishSync(seq, () => {}),
          false,
          'a publication from before',
        );
      }
      equal(
        subscription.publishSync(subscription.readBeginSync(), () => {}),
        true,
        'one in peace',
      );
      subscription.closeSync();
      check(!subscription.isOpen, 'a closed subscription');
      await world.invalidate(0, 10);
      equal(ops.calls.length, 1, 'calls after closeSync');
    },
  ),
  key(
    'S1.events',
    'tells every event by its name, and the owner',
    { source: 'include/linux/mmu_notifier.h v7.1' },
    async (world) => {
      const { calls } = await world.recorder(0, 10);
      for (const event of invalidationEvents) {
        const end = await world.start(0, 10, { event, owner: 'somebody' });
        await end();
      }
      equal(
        calls.map(({ event }) => event),
        invalidationEvents,
        'events',
      );
      check(
        calls.every(({ owner }) => owner === 'somebody'),
        'the owner to be handed on',
      );
    },
  ),
  key(
    'S2',
    'does not call for a range that only touches the span',
    { when: 'filters by range', source: `${mmuNotifier} v5.15.85:103-104, 922-925` },
    async (world) => {
      const below = await world.recorder(0, 4);
      const above = await world.recorder(8, 12);
      await world.invalidate(4, 8);
      equal([below.calls.length, above.calls.length], [0, 0], 'calls of those that touch');
    },
  ),
  key(
    'S2.ends',
    'calls for a range that shares one address with the span, up to the last address there is',
    { source: `${mmuNotifier} v5.15.85:103-104` },
    async (world) => {
      const spans = [
        [4, 8],
        [addressMax - 1, addressMax],
        [0, 1],
      ] as const;
      const recorded: Recorded[] = [];
      for (const [start, end] of spans) recorded.push(await world.recorder(start, end));
      const hits = async (start: number, end: number, which: number): Promise<void> => {
        const before = recorded[which]!.calls.length;
        await world.invalidate(start, end);
        const calls = recorded[which]!.calls.length - before;
        equal(calls, 1, `calls of subscription ${which} for [${start}, ${end})`);
      };
      await hits(0, 5, 0);
      await hits(7, 20, 0);
      await hits(5, 6, 0);
      await hits(addressMax - 1, addressMax, 1);
      await hits(0, addressMax, 2);
    },
  ),
  key(
    'S3',
    'does not call subscriptions elsewhere',
    { when: 'filters by range', source: `${mmuNotifier} v5.15.85:476-514` },
    async (world) => {
      const { calls } = await world.recorder(20, 30);
      const hit = await world.recorder(0, 10);
      const end = await world.start(0, 10);
      await end();
      equal([calls.length, hit.calls.length], [0, 1], 'calls elsewhere, and here');
    },
  ),
  key(
    'S3.absent',
    'calls every subscription for every section, wherever it is',
    { when: 'does not filter by range', source: `${mmuNotifier} v5.15.85:476-514` },
    async (world) => {
      const { calls } = await world.recorder(20, 30);
      await world.invalidate(0, 10);
      equal(calls.length, 1, 'calls for a section elsewhere');
    },
  ),
  key(
    'S4',
    'refuses a range or span that is empty, inverted or no range of addresses, with its code, and calls nobody',
    { source: `${mmuNotifier} v5.15.85:926-929; L-6` },
    async (world) => {
      const { notifier } = world;
      const { calls } = await world.recorder(0, 10);
      const ops = world.opsFor(new Recorder());
      for (const [range, code] of badRanges) {
        const bad = range as RangeToInvalidate;
        const forms = {
          invalidateRangeStart: () => notifier.invalidateRangeStart(bad),
          invalidateRangeStartSync: () => notifier.invalidateRangeStartSync(bad),
          tryInvalidateRangeStart: () => notifier.tryInvalidateRangeStart(bad),
          subscribe: () => notifier.subscribe(bad, ops),
          subscribeSync: () => notifier.subscribeSync(bad, ops),
        };
        for (const [form, call] of Object.entries(forms)) {
          equal(await codeFrom(call), code, `${form}(${JSON.stringify(range)})`);
        }
      }
      const strange = { start: 0, end: 1, event: 'UNMAPPED' as never };
      equal(
        codeOfCall(() => notifier.tryInvalidateRangeStart(strange)),
        'MMN_EVENT',
        'the code',
      );
      equal(calls.length, 0, 'calls');
      await world.expectUsable();
    },
  ),
  key(
    'S5',
    'publishes nothing into an open section, whenever it was read',
    { source: 'include/linux/mmu_notifier.h v5.15.85:143-147; K-S2' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const before = await begin(subscription);
      const end = await world.start(9, 20);
      equal(await publish(subscription, before, installed), false, 'a read from before');
      const inside = subscription.readBegin();
      if (!(await waits(inside))) {
        equal(await publish(subscription, await inside, installed), false, 'a read from inside');
      }
      await end();
      equal(await publish(subscription, before, installed), false, 'a read from before, later');
      await over(inside, 'readBegin after the end');
      equal(await publish(subscription, await begin(subscription)), true, 'a read from after');
    },
  ),
  key(
    'S5.two',
    'publishes nothing into an open section although later ones are open elsewhere, or were',
    { source: '4a42d848db95 (v5.12): the range that covers all open sections' },
    async (world) => {
      const { subscription } = await world.recorder(0, 10);
      const before = await begin(subscription);
      const end = await world.start(0, 10);
      const elsewhere = await world.start(500, 510);
      for (const isOpen of [true, false]) {
        if (!isOpen) await elsewhere();
        equal(await publish(subscription, before, installed), false, 'a read from before');
        const inside = subscription.readBegin();
        if (await waits(inside)) continue;
        equal(await publish(subscription, await inside, installed), false, 'a read from inside');
      }
      await end();
      equal(await publish(subscription, await begin(subscription)), true, 'a read from after');
    },
  ),
  key(
    'S5.install',
    'returns from start when a publication that had begun is over, and has torn it down',
    { source: 'include/linux/mmu_notifier.h v5.15.85:143-147' },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      const order: string[] = [];
      const { ops, subscription } = await world.recorder(0, 10);
      ops.act = () => void order.push('torn down');
      const install = (): Promise<void> => promise.then(() => void order.push('installed'));
      const published = subscription.publish(await begin(subscription), install);
      const starting = world.start(0, 10);
      check(await waits(starting), 'start to wait for an install that is on its way');
      resolve();
      equal(await over(published, 'publish'), true, 'the publication');
      const end = await over(starting, 'start');
      equal(order, ['installed', 'torn down'], 'what happened');
      await end();
    },
  ),
  key(
    'S5.new',
    'publishes nothing that a subscription made in an open section reads there',
    { source: `${mmuNotifier} v5.15.85:938-961` },
    async (world) => {
      const end = await world.start(0, 10);
      const subscribing = world.notifier.subscribe(
        { start: 0, end: 10 },
        world.opsFor({ invalidate() {} }),
      );
      if (!(await waits(subscribing))) {
        const subscription = await subscribing;
        const reading = subscription.readBegin();
        if (!(await waits(reading))) {
          equal(await publish(subscription, await reading), false, 'a publication in it');
        }
        await end();
        await over(reading, 'readBegin');
        equal(await publish(subscription, await begin(subscription)), true, 'one after it');
        return;
      }
      await end();
      const subscription = await over(subscribing, 'subscribe after the end');
      equal(await publish(subscription, await begin(subscription)), true, 'one after it');
    },
  ),
  key(
    'S6',
    'lets sections nest and overlap: a second start need not wait, and only the last end reopens',
    {
      source: 'include/linux/mmu_notifier.h v5.15.85:57-60; mm/mmu_notifier.c:134-142; K-L3',
    },
    async (world) => {
      const { calls, subscription } = await world.recorder(0, 10);
      const first = await world.start(0, 5);
      const second = await world.start(5, 10);
      const inner = world.tryStart(0, 10);
      await inner?.();
      equal(calls.length, inner === undefined ? calls.length : 3, 'calls');
      const reading = subscription.readBegin();
      await first();
      if (!(await waits(reading))) {
        equal(await publish(subscription, await reading), false, 'a read, while one is open');
      }
      await second();
      await over(reading, 'readBegin after the last end');
      equal(await publish(subscription, await begin(subscription)), true, 'a read after the last');
    },
  ),
  key(
    'S7',
    'refuses to end what is not open: over already, never started, refused, or another notifier’s',
    { source: 'ours; L-4' },
    async (world) => {
      const { notifier } = world;
      const section = await over(notifier.invalidateRangeStart({ start: 0, end: 1 }), 'start');
      await world.end(section);
      const { ops } = await world.recorder(0, 10);
      ops.act = () => false;
      const refused = notifier.tryInvalidateRangeStart({ start: 0, end: 1 });
      equal(refused === undefined, true, 'a start that would block');
      ops.act = () => undefined;
      const another = world.another();
      const range = { start: 0, end: 1 };
      const elsewhere = await over(another.notifier.invalidateRangeStart(range), 'start');
      const next = await over(notifier.invalidateRangeStart(range), 'start');
      for (const bad of [section, elsewhere, 0, 0.5, NaN, undefined, 'a', {}] as Invalidation[]) {
        const [plain, sync] = [
          await codeFrom(() => notifier.invalidateRangeEnd(bad)),
          codeOfCall(() => notifier.invalidateRangeEndSync(bad)),
        ];
        equal([plain, sync], ['MMN_NOT_OPEN', 'MMN_NOT_OPEN'], `the end of ${String(bad)}`);
      }
      await world.end(next);
      await another.end(elsewhere);
      await world.expectUsable();
    },
  ),
  key(
    'S8',
    'is not open when its start was given up by a signal, which rejects with the signal’s reason',
    { source: 'ours: the contract of core' },
    async (world) => {
      const { promise, resolve } = deferred<void>();
      const controller = new AbortController();
      const reason = new Error('enough');
      const { ops, subscription } = await world.recorder(0, 10);
      ops.act = () => promise;
      const range = { start: 0, end: 10 };
      const starting = world.notifier.invalidateRangeStart(range, controller.signal);
      await stillWaits(starting, 'start');
      controller.abort(reason);
      const came = await over(
        Promise.resolve(starting).then(
          () => 'a section',
          (error: unknown) => error,
        ),
        'start after its abort',
      );
      check(came === reason, `the signal's reason, got ${String(came)}`);
      resolve();
      ops.act = () => undefined;
      await waits(promise);
      await world.expectUsable(subscription);
    },
  ),
  key(
    'TREE.intersection',
    'calls exactly those that brute force finds, for random sets of spans and random ranges',
    {
      when: 'filters by range',
      source:
        'lib/interval_tree_test.c v7.1: intersection_range_check, its seed 3141592653589793238',
    },
    async (world) => {
      let x = 3_141_592_653 >>> 0;
      const random = (below: number): number => {
        x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor((x / 2 ** 32) * below);
      };
      const range = (): { start: number; end: number } => {
        const start = random(100);
        return { start, end: start + 1 + random(random(2) === 0 ? 100 : 4) };
      };
      for (let round = 0; round < 4; round++) {
        const one = world.another(40);
        const recorded = [];
        for (let at = 0; at < 40; at++) {
          const { start, end } = range();
          recorded.push(await one.recorder(start, end, { cookie: at }));
        }
        for (let search = 0; search < 15; search++) {
          const gone = recorded.splice(random(recorded.length), 1)[0]!;
          await over(gone.subscription.close(), 'close');
          const hit = search === 0 ? { start: 0, end: addressMax } : range();
          const before = recorded.map(({ calls }) => calls.length);
          await one.invalidate(hit.start, hit.end);
          for (const [at, { calls, subscription }] of recorded.entries()) {
            const expected = before[at]! + (overlaps(subscription, hit) ? 1 : 0);
            const span = `[${subscription.start}, ${subscription.end})`;
            equal(calls.length, expected, `calls of ${span} for [${hit.start}, ${hit.end})`);
          }
        }
      }
    },
  ),
];

const badRanges: readonly (readonly [unknown, string])[] = [
  [{ start: 5, end: 5 }, 'MMN_RANGE_EMPTY'],
  [{ start: 6, end: 5 }, 'MMN_RANGE_INVERTED'],
  [{ start: 0, end: 5.5 }, 'MMN_ADDRESS'],
  [{ start: NaN, end: 5 }, 'MMN_ADDRESS'],
  [{ start: -1, end: 5 }, 'MMN_ADDRESS'],
  [{ start: 0, end: 2 ** 53 }, 'MMN_ADDRESS'],
  [{ start: '0', end: 5 }, 'MMN_ADDRESS'],
  [{ start: 0 }, 'MMN_ADDRESS'],
  [null, 'MMN_ADDRESS'],
];

function installed(): never {
  return fail('installed into an open section');
}
