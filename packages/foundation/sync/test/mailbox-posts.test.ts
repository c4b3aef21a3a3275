/** What is posted and answered between mailboxes, of agents that share one thread: each has a region of its own over one memory. */
import {
  codeOf,
  invalidationEvents,
  type InvalidationRange,
  type MaybePromise,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  declareDead,
  headerWords,
  Mailbox,
  mailboxWords,
  nameOfMailboxWord,
  Region,
  runSync,
  useClock,
  VirtualClock,
  WaitQueue,
  watchDeaths,
  type Waiting,
  type WaitOutcome,
  type WaitRequest,
} from '../src/index.ts';
import { At, byteLength, layOut } from './mailbox.layout.ts';
import { seeded } from './seed.ts';
import { isSettledSoon } from './tasks.ts';
import { rejectionOf, thrownBy, type Thrown } from './thrown.ts';

const restores: (() => void)[] = [];

afterEach(() => {
  for (const restore of restores.splice(0).reverse()) restore();
});

/** An agent's mailbox; all that get the memory of one region are neighbours. */
function mailboxIn(memory: ArrayBufferLike, blocks = false): Mailbox {
  const mailbox = new Mailbox(Region.attach(memory, 'mailboxes'), At.boxes, { blocks });
  restores.push(() => mailbox.close());
  return mailbox;
}

/** Some of them, over one shared memory. */
function neighbours({ blocks = false } = {}): [Mailbox, Mailbox, Mailbox] {
  const { memory } = layOut(new SharedArrayBuffer(byteLength));
  return [mailboxIn(memory, blocks), mailboxIn(memory, blocks), mailboxIn(memory, blocks)];
}

/** A wait that need not begin. */
function* once(request: WaitRequest): Waiting<WaitOutcome> {
  return yield request;
}

/** What a call returns, or the code of what it throws. */
function outcomeOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return codeOf(error);
  }
}

const range: InvalidationRange = {
  start: 16,
  end: 32,
  event: 'UNMAP',
  blockable: true,
  owner: undefined,
};

/** A callback that does not answer before it is told to. */
function withheld(): { ops: SubscriptionOps; begun: number[]; answer(): void } {
  const begun: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const invalidate = async ({ start }: InvalidationRange): Promise<void> => {
    begun.push(start);
    await promise;
  };
  return { ops: { invalidate }, begun, answer: resolve };
}

async function eventLoopTurns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

interface Call {
  readonly from: number;
  readonly to: number;
  readonly kind: 'invalidate' | 'finish' | 'release';
  readonly start: number;
  readonly size: number;
  readonly event: number;
  readonly has: { readonly finish: boolean; readonly release: boolean };
  readonly answers: 'yes' | 'no' | 'nothing' | 'throws';
  readonly text: string;
  readonly isLate: boolean;
}

const call: fc.Arbitrary<Call> = fc.record({
  from: fc.nat(2),
  to: fc.nat(2),
  kind: fc.constantFrom('invalidate', 'finish', 'release'),
  start: fc.maxSafeNat(),
  size: fc.maxSafeNat(),
  event: fc.nat(invalidationEvents.length - 1),
  has: fc.record({ finish: fc.boolean(), release: fc.boolean() }),
  answers: fc.constantFrom('yes', 'no', 'nothing', 'throws'),
  text: fc.string({ unit: 'binary', maxLength: 200 }),
  isLate: fc.boolean(),
});

function answerOf({ answers, text }: Call): boolean | void {
  if (answers === 'throws') throw new Error(text);
  return answers === 'nothing' ? undefined : answers === 'yes';
}

/** A table for one call, which notes how it is called. */
function opsFor(call: Call, calls: unknown[]): SubscriptionOps {
  const { has, isLate } = call;
  const answer = (...given: unknown[]): MaybePromise<boolean | void> => {
    calls.push(given);
    return isLate ? eventLoopTurns(1).then(() => answerOf(call)) : answerOf(call);
  };
  return {
    invalidate: (...given) => answer('invalidate', ...given),
    ...(has.finish ? { finish: (...given) => answer('finish', ...given) as void } : {}),
    ...(has.release ? { release: (...given) => answer('release', ...given) as void } : {}),
  };
}

/** How one call should end: what the callback gets, and what the caller. */
function expected(call: Call, given: InvalidationRange, cookie: number, owner: number): unknown[] {
  const { from, to, kind, has, answers, text } = call;
  if (kind !== 'invalidate' && !has[kind]) return [[], undefined];
  const calls = [kind === 'release' ? [kind, cookie] : [kind, given, cookie]];
  if (answers === 'throws') {
    const came = String(new Error(text)).slice(0, 160);
    if (from === to) return [calls, [undefined, text]];
    const message = `expected the callback to return on its owner, agent ${owner}, got ${came}`;
    return [calls, ['MMN_CALLBACK_FAILED', message]];
  }
  const answer = answers === 'nothing' ? undefined : answers === 'yes';
  return [calls, from === to ? answer : answer !== false];
}

describe('posts between agents', () => {
  it('[M1] reach the table that they are for, once, whole, and so do the answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (calls) => {
        const mailboxes = neighbours();
        await Promise.all(
          calls.map(async (call) => {
            const [from, to] = [mailboxes[call.from]!, mailboxes[call.to]!];
            const seen: unknown[] = [];
            const cookie = to.own(opsFor(call, seen));
            const start = Math.min(call.start, call.size);
            const end = Math.max(call.start, call.size);
            const event = invalidationEvents[call.event]!;
            const given = { start, end, event, blockable: true, owner: undefined };
            let came: unknown;
            try {
              came = await (call.kind === 'release'
                ? from.ops.release?.(cookie)
                : from.ops[call.kind]?.(given, cookie));
            } catch (error) {
              came = [codeOf(error), (error as Error).message];
            }
            expect([seen, came]).toEqual(expected(call, given, cookie, to.region.agent));
          }),
        );
        for (const mailbox of mailboxes) mailbox.close();
      }),
      { ...seeded, numRuns: 60 },
    );
  });

  it.each([0, 1, 2, 3, 4, 5])(
    'bring a text of %i characters, after a longer one',
    async (count) => {
      const [poster, owner] = neighbours();
      const texts = [
        '\uffffo longer one, which nobody clears',
        '\u{1f600}§a\uffffz'.slice(0, count),
      ];
      const cookie = owner.own({
        invalidate() {
          // oxlint-disable-next-line no-throw-literal -- anybody may
          throw texts.shift();
        },
      });
      await rejectionOf(Promise.resolve(poster.ops.invalidate(range, cookie)));
      const { message } = await rejectionOf(Promise.resolve(poster.ops.invalidate(range, cookie)));
      const text = '\u{1f600}§a\uffffz'.slice(0, count);
      expect(message).toBe(
        `expected the callback to return on its owner, agent ${owner.region.agent}, got ${text}`,
      );
    },
  );

  it('bring as much of a long text as there is room for, beside others', async () => {
    const [poster, owner] = neighbours();
    const { ops, begun, answer } = withheld();
    const cookie = owner.own({
      invalidate(range, cookie) {
        if (range.start !== 1) return ops.invalidate(range, cookie);
        throw new Error('x'.repeat(1000));
      },
    });
    const answers = [0, 1, 2].map((start) => poster.ops.invalidate({ ...range, start }, cookie));
    const { message } = await rejectionOf(Promise.resolve(answers[1]));
    expect(message).toMatch(/, got Error: x{153}$/);
    expect(begun).toEqual([0, 2]);
    answer();
    expect(await Promise.all([answers[0], answers[2]])).toEqual([true, true]);
  });

  it('bring even what has no text', async () => {
    const [poster, owner] = neighbours();
    const cookie = owner.own({
      invalidate() {
        throw Object.create(null);
      },
    });
    expect(await rejectionOf(Promise.resolve(poster.ops.invalidate(range, cookie)))).toEqual({
      code: 'MMN_CALLBACK_FAILED',
      message: `expected the callback to return on its owner, agent ${owner.region.agent}, got something of type object without a text`,
    });
  });

  it('wait for room when too many are on their way', async () => {
    const [poster, owner] = neighbours();
    const { ops, begun, answer } = withheld();
    const cookie = owner.own(ops);
    const starts = Array.from({ length: 40 }, (_, at) => at);
    const calls = starts.map((start) => poster.ops.invalidate({ ...range, start }, cookie));
    await eventLoopTurns();
    expect(begun).toEqual(starts.slice(0, 32));
    answer();
    expect(await Promise.all(calls)).toEqual(starts.map(() => true));
    expect(begun.toSorted((a, b) => a - b)).toEqual(starts);
  });

  it('are run once, though their owner serves meanwhile', async () => {
    const [poster, owner] = neighbours();
    let calls = 0;
    const cookie = owner.own({
      invalidate() {
        calls++;
        owner.serve();
      },
    });
    expect(await poster.ops.invalidate(range, cookie)).toBe(true);
    expect(calls).toBe(1);
  });

  it('are not seen before they are whole', async () => {
    const [poster, owner] = neighbours();
    const seen: number[][] = [];
    const cookie = owner.own({ invalidate: ({ start, end }) => void seen.push([start, end]) });
    const slow = {
      ...range,
      get end(): number {
        owner.serve();
        return 48;
      },
    };
    await poster.ops.invalidate(slow, cookie);
    expect(seen).toEqual([[16, 48]]);
  });

  it('are not missed by an owner that is about to sleep', async () => {
    const [poster, owner] = neighbours();
    const seen: number[] = [];
    const cookie = owner.own({ invalidate: ({ start }) => void seen.push(start) });
    const { waitAsync } = Atomics;
    restores.push(() => (Atomics.waitAsync = waitAsync));
    const seconds: MaybePromise<boolean | void>[] = [];
    Atomics.waitAsync = ((...given: Parameters<typeof waitAsync>) => {
      if ((given[0] as unknown) === owner.region.words) {
        Atomics.waitAsync = waitAsync;
        seconds.push(poster.ops.invalidate({ ...range, start: 2 }, cookie));
      }
      return waitAsync(...given);
    }) as typeof waitAsync;
    await poster.ops.invalidate({ ...range, start: 1 }, cookie);
    await Promise.all(seconds);
    expect(seen).toEqual([1, 2]);
  });
});

describe('agents that block', () => {
  it('[M1] serve each other within their waits, and get their answers without a promise', () => {
    const [poster, owner] = neighbours({ blocks: true });
    const calls: unknown[] = [];
    const answers = [true, false, undefined];
    const cookie = owner.own({
      invalidate: (...given) => (calls.push(given), answers[calls.length - 1]),
      finish: (...given) => void calls.push(given),
      release: (...given) => void calls.push(given),
    });
    expect(answers.map(() => poster.ops.invalidate(range, cookie))).toEqual([true, false, true]);
    void poster.ops.finish?.(range, cookie);
    void poster.ops.release?.(cookie);
    expect(calls).toEqual([...Array.from({ length: 4 }, () => [range, cookie]), [cookie]]);
  });

  it.each([true, false])(
    'are not waited for by who serves them, as they keep what they hold; blocks: %s',
    async (blocks) => {
      const [poster, owner, third] = neighbours({ blocks });
      const outcomes: unknown[] = [];
      const { region } = owner;
      const cookie = owner.own({
        invalidate() {
          for (const holder of [1, poster.region.agent, third.region.agent]) {
            const wait = { region, index: headerWords, expected: -1, holder };
            outcomes.push(outcomeOf(() => runSync(once(wait))));
          }
        },
      });
      await poster.ops.invalidate(range, cookie);
      expect(outcomes).toEqual(['not-equal', blocks ? 'MMN_LOCK' : 'not-equal', 'not-equal']);
    },
  );

  it('are served by one that answers a post within its own', () => {
    const [poster, owner, third] = neighbours({ blocks: true });
    const order: string[] = [];
    const inner = third.own({ invalidate: () => void order.push('inner') });
    const outer = owner.own({
      invalidate() {
        order.push('outer');
        return owner.ops.invalidate(range, inner);
      },
    });
    expect(poster.ops.invalidate(range, outer)).toBe(true);
    expect(order).toEqual(['outer', 'inner']);
  });

  it('serve who answers them, too: a post may be answered by one to its poster', () => {
    const [poster, owner] = neighbours({ blocks: true });
    const order: string[] = [];
    const back = poster.own({ invalidate: () => void order.push('back') });
    const there = owner.own({
      invalidate() {
        order.push('there');
        return owner.ops.invalidate(range, back);
      },
    });
    expect(poster.ops.invalidate(range, there)).toBe(true);
    expect(order).toEqual(['there', 'back']);
  });

  it('refuse a promise, which could not settle meanwhile', () => {
    const [poster, owner] = neighbours({ blocks: true });
    const cookie = owner.own({
      invalidate: async () => {
        throw new Error('nobody listens, and nobody is told');
      },
    });
    expect(thrownBy(() => poster.ops.invalidate(range, cookie))).toEqual({
      code: 'MMN_CALLBACK_FAILED',
      message: `expected the callback to return on its owner, agent ${owner.region.agent}, got Error: it returned a promise, which nobody can wait for in a thread that blocks`,
    });
  });

  it('take a promise from the event loop, where it can settle', async () => {
    const [poster] = neighbours();
    const owner = mailboxIn(poster.region.memory, true);
    const cookie = owner.own({ invalidate: () => eventLoopTurns(1).then(() => false) });
    expect(await poster.ops.invalidate(range, cookie)).toBe(false);
  });

  it('serve no longer when they are closed', () => {
    const [poster, owner] = neighbours({ blocks: true });
    let calls = 0;
    const cookie = owner.own({ invalidate: () => void calls++ });
    owner.close();
    owner.serve = () => void calls++;
    const queue = new WaitQueue(poster.region, headerWords);
    expect(runSync(queue.wait(() => false, 2))).toBe(false);
    expect(thrownBy(() => poster.ops.invalidate(range, cookie)).code).toBe('MMN_CLOSED');
    expect(calls).toBe(0);
  });
});

describe('sections that must not block', () => {
  const hurried = { ...range, blockable: false };

  it('get "would block" from another agent, and its own answer here', async () => {
    const [poster, owner] = neighbours();
    const calls: unknown[] = [];
    const ops: SubscriptionOps = { invalidate: (given) => void calls.push(given) };
    const [there, here] = [owner.own(ops), poster.own(ops)];
    expect(poster.ops.invalidate(hurried, there)).toBe(false);
    await eventLoopTurns();
    expect(calls).toEqual([]);
    expect(poster.ops.invalidate(hurried, here)).toBe(undefined);
    expect(calls).toEqual([hurried]);
  });
});

describe('a mailbox that is closed', () => {
  it('has answered what was posted before', async () => {
    const [poster, owner] = neighbours();
    const cookie = owner.own({ invalidate: () => false });
    const answer = poster.ops.invalidate(range, cookie);
    owner.close();
    expect(await answer).toBe(false);
    expect(await rejectionOf(Promise.resolve(poster.ops.invalidate(range, cookie)))).toEqual({
      code: 'MMN_CLOSED',
      message: `expected the owner of cookie ${cookie} to be there, got none`,
    });
  });

  it('leaves its place to another, and is closed again without harm', () => {
    const { memory } = layOut(new SharedArrayBuffer(byteLength));
    for (let i = 0; i < 65; i++) {
      const mailbox = mailboxIn(memory);
      mailbox.own({ invalidate() {} });
      mailbox.close();
    }
    const closed = mailboxIn(memory);
    closed.own({ invalidate() {} });
    closed.close();
    const other = mailboxIn(memory);
    const cookie = other.own({ invalidate: () => true });
    closed.close();
    expect(mailboxIn(memory).own({ invalidate() {} })).not.toBe(cookie);
    expect(other.ops.invalidate(range, cookie)).toBe(true);
  });

  it.each(['from outside', 'by a callback'])('%s listens no longer', async (how) => {
    const [poster, owner] = neighbours();
    const { waitAsync } = Atomics;
    restores.push(() => (Atomics.waitAsync = waitAsync));
    const sleeps: ReturnType<typeof waitAsync>[] = [];
    Atomics.waitAsync = ((...given: Parameters<typeof waitAsync>) => {
      const sleep = waitAsync(...given);
      if ((given[0] as unknown) === owner.region.words) sleeps.push(sleep);
      return sleep;
    }) as typeof waitAsync;
    const cookie = owner.own({
      invalidate() {
        if (how === 'by a callback') owner.close();
      },
    });
    expect(await poster.ops.invalidate(range, cookie)).toBe(true);
    owner.close();
    for (const sleep of sleeps) expect(await sleep.value).not.toBe('timed-out');
    expect(sleeps.length).toBeGreaterThan(1);
  });

  it('that never owned anything leaves no trace', () => {
    const [mailbox] = neighbours();
    const before = mailbox.region.words.slice(headerWords);
    mailbox.serve();
    mailbox.close();
    expect(mailbox.region.words.slice(headerWords)).toEqual(before);
    expect(thrownBy(() => mailbox.own({ invalidate() {} }))).toEqual({
      code: 'MMN_CLOSED',
      message: 'expected an open mailbox, got a closed one',
    });
  });
});

describe('what a mailbox owns', () => {
  it('is called by its cookie, and its place taken again when it is disowned', () => {
    const [mailbox] = neighbours();
    const calls: number[] = [];
    const own = (name: number): number => mailbox.own({ invalidate: () => void calls.push(name) });
    const cookies = [1, 2, 3].map(own);
    expect(new Set(cookies).size).toBe(3);
    mailbox.disown(cookies[1]!);
    mailbox.disown(cookies[1]!);
    expect(thrownBy(() => mailbox.ops.invalidate(range, cookies[1]!))).toEqual({
      code: 'MMN_CLOSED',
      message: `expected callbacks owned here, got cookie ${cookies[1]}`,
    });
    const later = [4, 5].map(own);
    expect(later[0]).toBe(cookies[1]);
    expect(cookies).not.toContain(later[1]);
    for (const cookie of [cookies[0]!, ...later, cookies[2]!]) {
      void mailbox.ops.invalidate(range, cookie);
    }
    expect(calls).toEqual([1, 4, 5, 3]);
  });

  it('are at most 65,536 tables', () => {
    const [mailbox] = neighbours();
    const ops: SubscriptionOps = { invalidate: () => true, finish() {}, release() {} };
    let last = 0;
    for (let count = 0; count < 65_536; count++) last = mailbox.own(ops);
    expect(thrownBy(() => mailbox.own(ops))).toEqual({
      code: 'MMN_OUT_OF_CAPACITY',
      message: 'expected at most 65536 tables of one agent, got one more',
    });
    mailbox.disown(last);
    expect(mailbox.own(ops)).toBe(last);
  });

  it('is reached in 64 agents, and refused to a 65th', async () => {
    const { memory } = layOut(new SharedArrayBuffer(byteLength));
    const cookies = Array.from({ length: 64 }, () => mailboxIn(memory).own({ invalidate() {} }));
    expect(new Set(cookies).size).toBe(64);
    const poster = mailboxIn(memory);
    const answers = cookies.map((cookie) => poster.ops.invalidate(range, cookie));
    expect(await Promise.all(answers)).toEqual(cookies.map(() => true));
    expect(thrownBy(() => mailboxIn(memory).own({ invalidate() {} }))).toEqual({
      code: 'MMN_OUT_OF_CAPACITY',
      message: 'expected at most 64 agents that own callbacks, got one more',
    });
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, 'number'],
    [{}, 'object'],
  ])('is not %o', (ops, came) => {
    const [mailbox] = neighbours();
    expect(thrownBy(() => mailbox.own(ops as unknown as SubscriptionOps))).toEqual({
      code: 'MMN_OPS_UNKNOWN',
      message: `expected ops with an invalidate function, got ${came}`,
    });
  });
});

describe('the words of mailboxes', () => {
  it('have names, but for the room and the texts', () => {
    const names = Array.from({ length: mailboxWords }, (_, index) => nameOfMailboxWord(index));
    expect(names.slice(0, 4)).toEqual([undefined, undefined, 'box[0].agent', 'box[0].bell']);
    expect(names.slice(128, 130)).toEqual(['box[63].agent', 'box[63].bell']);
    const size = (mailboxWords - 130) / 32;
    for (let post = 0; post < 32; post++) {
      const words = names.slice(130 + post * size, 130 + (post + 1) * size);
      expect(words.slice(0, 2)).toEqual([`post[${post}].state`, `post[${post}].callback`]);
      expect(words[size - 81]).toBe(`post[${post}].end`);
      expect(words.slice(size - 80)).toEqual(Array.from({ length: 80 }, () => undefined));
    }
  });
});

describe('mailboxes of one event loop', () => {
  it('are served by who calls `serve`', async () => {
    const { memory } = layOut(new ArrayBuffer(byteLength));
    const [poster, owner] = [mailboxIn(memory), mailboxIn(memory)];
    const cookie = owner.own({ invalidate: ({ start }) => start === 16 });
    const answer = Promise.resolve(poster.ops.invalidate(range, cookie));
    expect(await isSettledSoon(answer)).toBe(false);
    owner.serve();
    expect(await answer).toBe(true);
  });
});

/** More deaths than are known by number: everybody may be dead, once the grace is over. */
function suspectAll(region: Region): void {
  for (let agent = 1000; agent < 1009; agent++) declareDead(region, agent);
}

describe('a post whose poster gives up', () => {
  it('[K1] since its owner died, is given back: others have room', async () => {
    const [poster, dead, living] = neighbours();
    watchDeaths(poster.region, { graceMs: 8 }); // so who waits looks every millisecond
    const { ops, begun } = withheld();
    const mute = dead.own(ops);
    const post = (): Promise<Thrown> =>
      rejectionOf(Promise.resolve(poster.ops.invalidate(range, mute)));
    const posts = Array.from({ length: 32 }, post);
    while (begun.length < 32) await eventLoopTurns(1);
    declareDead(poster.region, dead.region.agent);
    posts.push(...Array.from({ length: 40 }, post));
    for (const thrown of posts) {
      expect(await thrown).toEqual({
        code: 'MMN_AGENT_DIED',
        message: `expected what is waited for to be given back, but agent ${dead.region.agent}, which holds it, has died`,
      });
    }
    const cookie = living.own({ invalidate: () => true });
    expect(await poster.ops.invalidate(range, cookie)).toBe(true);
  });

  it('is never run, when it was not yet', async () => {
    const [, owner] = neighbours();
    const poster = mailboxIn(owner.region.memory, true);
    let calls = 0;
    const cookie = owner.own({ invalidate: () => void calls++ });
    watchDeaths(poster.region, { graceMs: 1 });
    suspectAll(poster.region);
    for (let i = 0; i < 33; i++) {
      expect(thrownBy(() => poster.ops.invalidate(range, cookie)).code).toBe('MMN_AGENT_DIED');
    }
    await eventLoopTurns();
    expect(calls).toBe(0);
  });

  it('is given back by its owner, when it is being run', async () => {
    const clock = new VirtualClock();
    restores.push(useClock(clock));
    const [poster, owner] = neighbours();
    const { ops, begun, answer } = withheld();
    const cookie = owner.own(ops);
    watchDeaths(poster.region, { graceMs: 1 });
    suspectAll(poster.region);
    const calls = Array.from({ length: 32 }, () =>
      rejectionOf(Promise.resolve(poster.ops.invalidate(range, cookie))),
    );
    while (begun.length < 32) await eventLoopTurns(1);
    clock.advance(1);
    for (const thrown of calls) expect((await thrown).code).toBe('MMN_AGENT_DIED');
    const next = Promise.resolve(poster.ops.invalidate(range, cookie));
    expect(await isSettledSoon(next)).toBe(false);
    answer();
    expect(await next).toBe(true);
  });

  it('is given back at once, when it has just been answered', () => {
    const [, owner] = neighbours();
    const poster = mailboxIn(owner.region.memory, true);
    let calls = 0;
    const cookie = owner.own({ invalidate: () => void calls++ });
    watchDeaths(poster.region, { graceMs: 1 });
    suspectAll(poster.region);
    let looks = 0;
    const clock = new VirtualClock();
    clock.nowMs = () => {
      if (++looks % 2 === 0) owner.serve(); // while the poster looks whether its grace is over
      return looks;
    };
    restores.push(useClock(clock));
    for (let i = 0; i < 40; i++) {
      expect(thrownBy(() => poster.ops.invalidate(range, cookie)).code).toBe('MMN_AGENT_DIED');
    }
    expect(calls).toBe(40);
  });
});
