/** An agent of `compare --agents`: makes its calls, round and round, until told to stop. */
import { collisionRetrySync, type Notifier, type Subscription } from '@mmu-notifier/core';
import { headerWords, Mutex, Region, runSync } from '@mmu-notifier/sync';
import { joinAgents } from '@mmu-notifier/sync/agents';
import { contenderOf } from '../strategies.ts';
import type { Plan } from './plan.ts';
import type { ScalingEnd, ScalingJob } from './scaling.ts';

const self = await joinAgents<ScalingJob>();
const { strategy, plan, index, notifiers, board: boardMemory, agents } = self.data;
const board = Region.attach(boardMemory, 'scaling');
const { ready, stop } = { ready: headerWords, stop: headerWords + 1 };
const versionsAt = headerWords + 2;
const entriesAt = versionsAt + plan.pages;
const locksAt = entriesAt + plan.entries;
const locks = plan.registrations.map((_, at) => new Mutex(board, locksAt + at, `device ${at}`));
const spaces = notifiers.map((memory, space) =>
  register(contenderOf(strategy).strategy.attach(memory), plan, space),
);
const open = new Map<number, Subscription>();
const counts = { sections: 0, faults: 0, retries: 0, stale: 0 };

board.add(ready, 1);
while (board.load(ready) < agents) sleep(1);
while (board.load(stop) === 0) {
  for (const call of plan.calls[index]!) {
    if (board.load(stop) !== 0) break;
    perform(call);
  }
  for (const registration of open.keys()) close(registration);
  if (plan.calls[index]!.length === 0) sleep(1);
}
const end: ScalingEnd = counts;
self.post(end);
self.leave();

function perform(call: Plan['calls'][number][number]): void {
  if (call.kind === 'section') {
    const { start, end: last, event } = call;
    const notifier = spaces[call.space]!;
    const section = notifier.invalidateRangeStartSync({ start, end: last, event });
    for (const page of call.pages) board.add(versionsAt + page, 1);
    notifier.invalidateRangeEndSync(section);
    counts.sections++;
  } else if (call.kind === 'register') {
    if (open.has(call.registration)) return;
    const { space, start, end: last } = plan.registrations[call.registration]!;
    const id = plan.spaces[space]!.indexOf(call.registration);
    open.set(call.registration, spaces[space]!.subscribeSync({ start, end: last }, id));
  } else if (call.kind === 'unregister') {
    close(call.registration);
  } else {
    access(call.registration, call.page, call.entry);
  }
}

/** Uses an entry, or faults it in. */
function access(registration: number, page: number, entry: number): void {
  const subscription = open.get(registration);
  if (subscription === undefined) return;
  const lock = locks[registration]!;
  lock.lockSync();
  const had = board.words[entriesAt + entry]!;
  if (had !== 0 && had !== board.load(versionsAt + page) + 1) counts.stale++;
  lock.unlock();
  if (had !== 0) return;
  collisionRetrySync(subscription, {
    read: () => board.load(versionsAt + page),
    install: (version) => (board.words[entriesAt + entry] = version + 1),
    collided: () => (counts.retries++, true),
  });
  counts.faults++;
}

function close(registration: number): void {
  const subscription = open.get(registration);
  if (subscription === undefined) return;
  open.delete(registration);
  const lock = locks[registration]!;
  lock.lockSync();
  for (const { entry } of plan.registrations[registration]!.entries)
    board.words[entriesAt + entry] = 0;
  lock.unlock();
  subscription.closeSync();
}

/** The ops of every registration of an address space, by their place in it. */
function register(
  notifier: Notifier,
  { spaces: bySpace, registrations }: Plan,
  space: number,
): Notifier {
  for (const [id, registration] of bySpace[space]!.entries()) {
    const { entries } = registrations[registration]!;
    notifier.registerOps(id, {
      lock: locks[registration]!,
      invalidate({ start, end: last }) {
        for (const { address, entry } of entries) {
          if (address < last && address + 4096 > start) board.words[entriesAt + entry] = 0;
        }
      },
    });
  }
  return notifier;
}

function sleep(ms: number): void {
  runSync(
    (function* () {
      yield { region: board, index: stop, expected: 0, timeoutMs: ms };
    })(),
  );
}
