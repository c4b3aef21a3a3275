/** An agent for mailbox.test.ts, in the blocking forms. */
import type { InvalidationRange } from '@mmu-notifier/core';
import { joinAgents } from '../src/agents.ts';
import { Mailbox, Mutex, Region } from '../src/index.ts';
import { At, type Data } from './mailbox.layout.ts';

const self = await joinAgents<Data>();
const { job, memory, index, operations } = self.data;
const region = Region.attach(memory, 'mailboxes');
const mailbox = new Mailbox(region, At.boxes, { blocks: true });

/** A closure of this agent: only here can it be counted. */
let sum = 0;
let depth = 0;
const cookie = mailbox.own({
  invalidate({ start }: InvalidationRange) {
    if (depth++ > 0) throw new Error('within another');
    sum += start;
    depth--;
    return start !== 13;
  },
});
region.store(At.cookies + index, cookie);
region.add(At.ready, 1);

/** Waits that serve, though nobody wakes them. */
function serveUntil(isOver: () => boolean): void {
  while (!isOver()) mailbox.serve();
}

if (job === 'each-other') {
  serveUntil(() => region.load(At.ready) >= 2);
  const other = region.load(At.cookies + 1 - index);
  const range = { start: 1, end: 2, event: 'CLEAR', blockable: true, owner: undefined } as const;
  for (let i = 0; i < operations; i++) {
    if (mailbox.ops.invalidate(range, other) !== true) throw new Error('refused');
  }
  region.add(At.stop, 1);
  serveUntil(() => region.load(At.stop) === 2);
} else if (job === 'owner') {
  serveUntil(() => region.load(At.stop) !== 0);
} else if (job === 'locked-owner') {
  new Mutex(region, At.mutex).lockSync(); // the test holds it: this agent is reached only within the wait
} else {
  for (;;);
}
mailbox.close();
self.post(sum);
self.leave();
