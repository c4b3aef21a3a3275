/** The agents of a storm; see storm.ts. */
import { headerWords, nowMs, Region, runSync } from '@mmu-notifier/sync';
import { joinAgents } from '@mmu-notifier/sync/agents';
import { contenderOf } from '../strategies.ts';
import { pageBytes } from './board.ts';
import type { StormEnd, StormJob } from './storm.ts';

const self = await joinAgents<StormJob>();
const { role, strategy, notifier: memory, control: controlMemory, seconds } = self.data;
const notifier = contenderOf(strategy).strategy.attach(memory);
const control = Region.attach(controlMemory, 'storm');
const readyAt = headerWords;
const stopAt = headerWords + 1;
const sectionMs = 2;
/** One section in so many overlaps the reader. */
const every = 8;

notifier.registerOps(0, { invalidate: () => {} });
control.add(readyAt, 1);
while (control.load(readyAt) < 3) sleep(1);
const roles = { storm, reader, closer };
self.post(roles[role]());
self.leave();

/** A section open at every moment; each begins before the former ends. */
function storm(): StormEnd {
  const untilMs = nowMs() + seconds * 1000;
  let longestMs = 0;
  let count = 0;
  let before: { readonly end: () => void } | undefined;
  while (nowMs() < untilMs) {
    const isOver = count % every === 0;
    const page = isOver ? 0 : 32;
    const beganMs = nowMs();
    const section = notifier.invalidateRangeStartSync({
      start: page * pageBytes,
      end: (page + 1) * pageBytes,
    });
    before?.end();
    before = {
      end: () => {
        notifier.invalidateRangeEndSync(section);
        if (isOver) longestMs = Math.max(longestMs, nowMs() - beganMs);
      },
    };
    sleep(sectionMs);
    count++;
  }
  before?.end();
  control.store(stopAt, 1);
  return { role, count, longestMs };
}

/** Reads what the storm hits now and then. */
function reader(): StormEnd {
  const subscription = notifier.subscribeSync({ start: 0, end: pageBytes }, 0);
  const end = measured(() => {
    const seq = subscription.readBeginSync();
    subscription.publishSync(seq, () => {});
  });
  subscription.closeSync();
  return end;
}

/** Subscribes, reads and closes where the storm never comes. */
function closer(): StormEnd {
  const span = { start: 8 * pageBytes, end: 9 * pageBytes };
  return measured(() => {
    const subscription = notifier.subscribeSync(span, 0);
    subscription.readBeginSync();
    subscription.closeSync();
  });
}

function measured(act: () => void): StormEnd {
  let [count, longestMs] = [0, 0];
  while (control.load(stopAt) === 0) {
    const beganMs = nowMs();
    act();
    longestMs = Math.max(longestMs, nowMs() - beganMs);
    count++;
    sleep(0.2);
  }
  return { role, count, longestMs };
}

/** Blocks the thread. */
function sleep(ms: number): void {
  runSync(
    (function* () {
      yield { region: control, index: headerWords + 2, expected: 0, timeoutMs: ms };
    })(),
  );
}
