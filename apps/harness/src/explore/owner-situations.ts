/**
 * Situations in which a callback runs on the agent that owns it, by mailbox (packages/foundation/sync/src/mailbox.ts). Who owns one
 * stays when it is done, as an agent does in its event loop, and serves until all others are done too.
 */
import {
  faultIn,
  page,
  section,
  wordsOfPage,
  type Agent,
  type Situations,
  type Thread,
} from './thread.ts';

const invalidator: Thread = {
  ...section((notifier) => notifier.invalidateRangeStartSync(page)),
  mailbox: 'posts',
};

/** Finds another agent's callback in its way: it must not wait for it. */
const reaper: Thread = {
  ...section((notifier) => notifier.tryInvalidateRangeStart(page)),
  mailbox: 'posts',
};

const fault = (agent: Agent): void => faultIn(agent, agent.subscription!, 1);

/** Two sections, one after the other. */
const again: Thread = {
  ...invalidator,
  run(agent) {
    invalidator.run(agent);
    invalidator.run(agent);
  },
};

/** A device whose callback runs on its own agent. */
const owner: Thread = { subscribes: true, mailbox: 'owns', run: fault };

/** One that only serves. */
const idler: Thread = { subscribes: true, mailbox: 'owns', run: () => {} };

/** One that goes, while its callback may be asked for. */
const leaver: Thread = {
  subscribes: true,
  mailbox: 'owns',
  run({ memory, base, device, subscription }) {
    subscription!.closeSync();
    memory[base + wordsOfPage.closed + device] = 1;
  },
};

/** A device whose callback runs wherever the section is. */
const publisher: Thread = { subscribes: true, run: fault };

/** Owns a device, and invalidates all of them. */
const both: Thread = { ...invalidator, subscribes: true, mailbox: 'owns' };

/** See the file's head. */
export const ownerThreads: Situations = {
  'owner-run': ['a device faults, its callback runs on its agent', { invalidator, owner }],
  'owner-reap': ['the same, and the page is reaped without waiting', { reaper, owner }],
  'owner-close': ['a device goes whose callback runs on its agent', { invalidator, leaver }],
  'owner-publish': [
    'one device faults, the callback of another runs on its agent',
    { invalidator, owner: idler, publisher },
  ],
  'owner-again': [
    'the page changes twice, the callback runs on its agent',
    { again, owner: idler },
  ],
  'owner-two': [
    'two sections at once, a device faults whose callback runs on its agent',
    { first: invalidator, second: invalidator, owner },
  ],
  'owner-each-other': [
    'two agents own a device each, and invalidate both',
    { first: both, second: both },
  ],
  'owner-posts': [
    'two agents own a device each, two others invalidate both',
    { first: invalidator, second: invalidator, one: owner, other: idler },
  ],
};
