/** Callbacks on their owners, under the explorer: what `--scenario owner-…` finds, and what it is that may deadlock. */
import { explore, part, waitInSlices, type Scenario } from '@mmu-notifier/explorer';
import {
  createThread,
  headerWords,
  Mailbox,
  mailboxWords,
  Mutex,
  Region,
  WaitQueue,
} from '@mmu-notifier/sync';
import { describe, expect, test } from 'vitest';
import { harness } from './command.ts';

const timeout = 120_000;

test.each([
  ['interval', 'owner-run,owner-reap,owner-close,owner-publish', [], 'complete'],
  ['interval', 'owner-again,owner-each-other', ['--preemptions', '2'], 'complete-to-bound'],
  ['reference', 'owner-run,owner-close', ['--preemptions', '1'], 'complete-to-bound'],
  ['hlist-srcu', 'owner-run,owner-close,owner-publish', [], 'complete'],
])(
  '[M1] %s, %s: callbacks on their owners, every interleaving',
  { timeout },
  async (strategy, scenarios, bound, status) => {
    const args = ['--strategy', strategy, '--mode', 'shared-memory', '--scenario', scenarios];
    const { code, out } = await harness(['explore', ...args, ...bound, '--seconds', '60']);
    expect({ code, out }).toMatchObject({ code: 0 });
    expect(out.match(new RegExp(`ok, ${status} `, 'g'))).toHaveLength(scenarios.split(',').length);
  },
);

test('[U-5] finds it where the closer serves its mailbox while it waits', { timeout }, async () => {
  const args = ['--strategy', 'interval:v1', '--scenario', 'owner-close'];
  const { code, out } = await harness(['explore', ...args]);
  expect(code).toBe(1);
  expect(out).toContain('=> data-race');
});

/** Words of a region with mailboxes and nothing else to hold on to. */
const At = {
  mutexes: headerWords,
  queue: headerWords + 2,
  done: headerWords + 4,
  boxes: headerWords + 6,
};
const byteLength = (At.boxes + mailboxWords) * 4;
const range = { start: 0, end: 1, event: 'CLEAR', blockable: true, owner: undefined } as const;

interface Party {
  readonly region: Region;
  readonly mailbox: Mailbox;
  /** One for each. */
  readonly mutexes: readonly [Mutex, Mutex];
}

/** Two agents with a callback each: the cookie of the first one is 0, the other's 1 << 18. */
function parties(
  own: (party: Party, me: number) => () => void,
  act: (party: Party, other: number, me: number) => void,
): Scenario {
  const party = (me: number) => ({
    attach(shared: SharedArrayBuffer) {
      const within = createThread(({ region: { words }, index, expected }, timeoutMs) =>
        timeoutMs === Infinity
          ? Atomics.wait(words, index, expected)
          : waitInSlices(words, index, expected),
      );
      const make = (): Party => {
        const region = Region.attach(part(shared, 0, byteLength), 'mailboxes');
        const mailbox = new Mailbox(region, At.boxes, { blocks: true });
        const mutexes = [0, 1].map((at) => new Mutex(region, At.mutexes + at)) as [Mutex, Mutex];
        const made: Party = { region, mailbox, mutexes };
        mailbox.own({ invalidate: own(made, me) });
        return made;
      };
      return { within, made: within(make) };
    },
    run: ({ within, made }: { within: (code: () => void) => void; made: Party }) =>
      within(() => {
        act(made, (1 - me) << 18, me);
        const { region } = made;
        region.add(At.done, 1);
        const queue = new WaitQueue(region, At.queue);
        queue.wakeAll();
        queue.waitUntilSync(() => region.load(At.done) === 2);
      }),
  });
  return {
    memory: byteLength,
    setup: (shared) => void Region.create({ kind: 'mailboxes', capacity: 1, byteLength }, shared),
    threads: { first: party(0), second: party(1) },
  };
}

describe('the rules against deadlocks of a mailbox', () => {
  test(
    '[M2] two agents that post to each other, each with a lock of its own, go on',
    { timeout },
    () => {
      const scenario = parties(
        () => () => {},
        ({ mailbox }, other) => void mailbox.ops.invalidate(range, other),
      );
      expect(explore({ ...scenario, preemptions: 2 })).toMatchObject({ verdict: 'ok' });
    },
  );

  test('[M2] a callback may post back to who posted', { timeout }, () => {
    let back = 0;
    const scenario = parties(
      ({ mailbox }, me) =>
        () => {
          // the second one's callback asks the first one's, which only counts
          if (me === 1) void mailbox.ops.invalidate(range, 0);
          else back++;
        },
      ({ mailbox }, other, me) => {
        if (me === 0) void mailbox.ops.invalidate(range, other);
      },
    );
    const result = explore({ ...scenario, preemptions: 1 });
    expect([result.verdict, result.failure?.diagram]).toEqual(['ok', undefined]);
    expect(back).toBeGreaterThan(0);
  });

  test.each([
    ['its owner holds while it waits', 0, 'this one'],
    ['who invalidates holds', 1, 'which waits for this one'],
  ])(
    '[M3] a callback that takes a lock which %s is refused, and says so',
    { timeout },
    (_, whose, who) => {
      const refused = new Set<string>();
      const scenario = parties(
        ({ mutexes }, me) =>
          () => {
            const mutex = mutexes[me ^ whose]!;
            mutex.lockSync();
            mutex.unlock();
          },
        ({ mailbox, mutexes }, other, me) => {
          mutexes[me]!.lockSync();
          try {
            void mailbox.ops.invalidate(range, other);
          } catch (error) {
            refused.add((error as Error).message);
          } finally {
            mutexes[me]!.unlock();
          }
        },
      );
      const result = explore({ ...scenario, preemptions: 1 });
      expect([result.verdict, result.failure?.diagram]).toEqual(['ok', undefined]);
      expect([...refused].join()).toMatch(
        new RegExp(`expected to wait for an agent that can go on, got .*${who}`),
      );
    },
  );
});
