/**
 * Callbacks that run on the agent that owns them, where their closures and handles live: a shoot-down by message.
 *
 * An agent owns an ops table and gets a number for it, the cookie that it subscribes with, under the id of ops that
 * every agent registers: those of its mailbox. Whoever invalidates and is not the owner posts, and waits for the answer.
 *
 *     invalidator                          owner
 *     ------------------------------------ ------------------------------------
 *     takes the driver's lock
 *     takes a free post, fills it in
 *     post.state = posted; rings
 *                                          sees its post: running
 *                                          runs the callback
 *                                          post.state = done
 *     reads the answer, frees the post
 *     Required: what the callback wrote is seen by the invalidator, and it ran once.
 *     `state` pairs with itself, in both directions.                                           [M1]
 *
 * What can deadlock, and the rules:
 *
 * 1. Two agents that post to each other wait for each other. So an agent that blocks in `sync` serves its own mailbox
 *    meanwhile: every wait of the package does, and the callbacks run within it.                             [M2]
 * 2. Hence a callback runs within any wait of its owner's, and must not take a lock that the owner may hold there; nor one
 *    that who invalidates may hold, such as the driver's lock of its subscription. Where a blocking form would wait for such a
 *    lock for ever, it throws `MMN_LOCK`, and whoever posted gets `MMN_CALLBACK_FAILED`.                    [M3]
 * 3. An owner that neither waits nor returns to its event loop is not reached: in long work it calls `serve`.
 * 4. In a section that must not block nobody waits for another agent: the answer is "would block".
 * 5. An owner that died answers nobody: who waits for it gets `MMN_AGENT_DIED`, and gives the post back.
 *
 * Ours; the pattern is that of Linux's smp_call_function_many, whose callers serve their own queue for rule 1 too
 * (kernel/smp.c, v5.3).
 */
import {
  invalidationEvents,
  isPromise,
  NotifierError,
  type InvalidationRange,
  type MaybePromise,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { isDead } from './deaths.ts';
import { checkPlace, type Region } from './memory.ts';
import { fieldAt, struct } from './struct.ts';
import { WaitQueue, waitQueueWords } from './wait-queue.ts';
import { run, runSync, serveWhileBlocked, wake, whileAwaitedBy, type Waiting } from './waiting.ts';

const boxesMax = 64;
const postsMax = 32;
const textMax = 160;

const boxFields = { agent: 'word', bell: 'word' } as const;
const BoxAt = struct(boxFields);
const postFields = {
  state: 'word',
  callback: 'word',
  kind: 'word',
  event: 'word',
  textLength: 'word',
  poster: 'word',
  start: 'wide',
  end: 'wide',
} as const;
const PostAt = struct(postFields);
const textWords = textMax / 2;
const postWords = PostAt.sizeWords + textWords;

/** Values of a post's `state`, and who leaves it. */
const State = {
  /** Anybody who takes it. */
  free: 0,
  /** Who took it. */
  taken: 1,
  /** The owner. */
  running: 3,
  /** Who posted it, these three. */
  yes: 4,
  no: 5,
  failed: 6,
  /** The owner: who posted it gave up. */
  abandoned: 7,
} as const;

/**
 * The state of a post for a box, which its owner leaves. One word says both: read for themselves, the box may be that of the next
 * post in the same place.
 */
const postedFor = (box: number): number => -1 - box;

const kinds = ['invalidate', 'finish', 'release'] as const;
type Kind = (typeof kinds)[number];

/** Words that the mailboxes of a region take, at an even index. */
export const mailboxWords: number =
  waitQueueWords + boxesMax * BoxAt.sizeWords + postsMax * postWords;

const roomAt = 0;
const boxesAt = waitQueueWords;
const postsAt = boxesAt + boxesMax * BoxAt.sizeWords;

/** What a word of the mailboxes is called, for reports; counted from their first. `undefined` for those of texts and of `room`. */
export function nameOfMailboxWord(index: number): string | undefined {
  const isPost = index >= postsAt;
  const [first, size] = isPost ? [postsAt, postWords] : [boxesAt, BoxAt.sizeWords];
  if (index < first) return undefined;
  const which = Math.floor((index - first) / size);
  const field = fieldAt(isPost ? postFields : boxFields, (index - first) % size);
  return field === undefined ? undefined : `${isPost ? 'post' : 'box'}[${which}].${field}`;
}

/* A cookie: box << 18 | has a finish << 17 | has a release << 16 | number. */
const boxShift = 18;
const finishBit = 1 << 17;
const releaseBit = 1 << 16;
const numberMask = 0xffff;

/** Options of {@link Mailbox}. */
export interface MailboxOptions {
  /** This agent uses the blocking forms: who waits for an owner blocks the thread. Else promises. */
  readonly blocks: boolean;
}

/** The mailbox of this agent. See the file's head. */
export class Mailbox {
  readonly region: Region;
  readonly index: number;
  /** Register them under one id in every agent. */
  readonly ops: SubscriptionOps;
  readonly #blocks: boolean;
  readonly #owned: (SubscriptionOps | undefined)[] = [];
  /** Numbers of tables that were disowned. */
  readonly #numbersLeft: number[] = [];
  readonly #room: WaitQueue;
  #box = -1;
  #isOpen = true;
  #stopServing: (() => void) | undefined;
  /** What the bell held at the last look for posts: who posts rings afterwards. */
  #heard = NaN;

  /** @param index the first of the mailboxes' words in the region, even; zero when first used */
  constructor(region: Region, index: number, { blocks }: MailboxOptions) {
    checkPlace(region, index, mailboxWords, 'mailbox');
    this.region = region;
    this.index = index;
    this.#blocks = blocks;
    this.#room = new WaitQueue(region, index + roomAt);
    this.ops = {
      invalidate: (range, cookie) => this.#call('invalidate', range, cookie),
      finish: (range, cookie) => {
        if ((cookie & finishBit) === 0) return undefined;
        return this.#call('finish', range, cookie) as MaybePromise<void>;
      },
      release: (cookie) => {
        if ((cookie & releaseBit) === 0) return undefined;
        return this.#call('release', everything, cookie) as MaybePromise<void>;
      },
    };
  }

  /**
   * Callbacks of this agent: returns the cookie to subscribe with. They run here only: within a wait, in `serve`, or
   * from the event loop. `lock` and `owner` of the table are not used: what `register`ed ops say goes for all.
   *
   * @throws NotifierError `MMN_OUT_OF_CAPACITY`, `MMN_CLOSED`, `MMN_OPS_UNKNOWN`
   */
  own(ops: SubscriptionOps): number {
    if (!this.#isOpen)
      throw new NotifierError('MMN_CLOSED', 'expected an open mailbox, got a closed one');
    if (typeof ops?.invalidate !== 'function') {
      const came = ops === null ? 'null' : typeof ops;
      throw new NotifierError(
        'MMN_OPS_UNKNOWN',
        `expected ops with an invalidate function, got ${came}`,
      );
    }
    if (this.#box < 0) this.#open();
    const number = this.#numbersLeft.pop() ?? this.#owned.length;
    if (number > numberMask) {
      throw new NotifierError(
        'MMN_OUT_OF_CAPACITY',
        `expected at most ${numberMask + 1} tables of one agent, got one more`,
      );
    }
    this.#owned[number] = ops;
    return (
      (this.#box << boxShift) |
      (ops.finish === undefined ? 0 : finishBit) |
      (ops.release === undefined ? 0 : releaseBit) |
      number
    );
  }

  /** The subscription with this cookie was closed. */
  disown(cookie: number): void {
    const number = cookie & numberMask;
    if (this.#owned[number] === undefined) return;
    this.#owned[number] = undefined;
    this.#numbersLeft.push(number);
  }

  /** Runs what was posted to this agent. Waits of `sync` call it, and so should long work between them. */
  serve(): void {
    this.#serve(this.#blocks);
  }

  /** Nothing is owned any more: close its subscriptions before. */
  close(): void {
    if (!this.#isOpen) return;
    this.serve();
    this.#isOpen = false;
    this.#stopServing?.();
    if (this.#box < 0) return;
    const { region } = this;
    const at = this.#boxAt(this.#box);
    region.store(at + BoxAt.agent, 0);
    region.add(at + BoxAt.bell, 1);
    wake(region, at + BoxAt.bell); // the listener, which then leaves
  }

  #open(): void {
    const { region } = this;
    for (let box = 0; box < boxesMax; box++) {
      if (!region.compareExchange(this.#boxAt(box) + BoxAt.agent, 0, region.agent)) continue;
      this.#box = box;
      if (this.#blocks) this.#stopServing = serveWhileBlocked(() => this.#serve(true));
      if (region.shared) void this.#listen();
      return;
    }
    throw new NotifierError(
      'MMN_OUT_OF_CAPACITY',
      `expected at most ${boxesMax} agents that own callbacks, got one more`,
    );
  }

  /** Serves whenever the event loop turns. It does not keep the process. */
  async #listen(): Promise<void> {
    const { region } = this;
    const bell = this.#boxAt(this.#box) + BoxAt.bell;
    while (this.#isOpen) {
      const rung = region.load(bell);
      this.#serve(false);
      const rings = Atomics.waitAsync(region.words, bell, rung);
      if (rings.async) await rings.value;
    }
  }

  /** @param isBlocked nobody can wait for a promise here */
  #serve(isBlocked: boolean): void {
    if (this.#box < 0) return;
    const { region } = this;
    const rung = region.load(this.#boxAt(this.#box) + BoxAt.bell);
    if (rung === this.#heard) return;
    this.#heard = rung;
    const posted = postedFor(this.#box);
    for (let post = 0; post < postsMax; post++) {
      const at = this.#postAt(post);
      if (region.load(at + PostAt.state) !== posted) continue;
      if (region.compareExchange(at + PostAt.state, posted, State.running)) {
        this.#run(at, isBlocked);
      }
    }
  }

  #run(at: number, isBlocked: boolean): void {
    const { words, wide } = this.region;
    const range: InvalidationRange = {
      start: wide[(at >> 1) + PostAt.start]!,
      end: wide[(at >> 1) + PostAt.end]!,
      event: invalidationEvents[words[at + PostAt.event]!]!,
      blockable: true, // nobody posts another
      owner: undefined,
    };
    const kind = kinds[words[at + PostAt.kind]!]!;
    try {
      const call = () => this.#here(kind, range, words[at + PostAt.callback]!);
      const result = whileAwaitedBy(this.region, words[at + PostAt.poster]!, call);
      if (!isPromise(result)) {
        this.#answer(at, result !== false ? State.yes : State.no);
      } else if (isBlocked) {
        result.catch(() => {});
        throw new Error('it returned a promise, which nobody can wait for in a thread that blocks');
      } else {
        result.then(
          (value) => this.#answer(at, value !== false ? State.yes : State.no),
          (error: unknown) => this.#fail(at, error),
        );
      }
    } catch (error) {
      this.#fail(at, error);
    }
  }

  #fail(at: number, error: unknown): void {
    const text = textOf(error).slice(0, textMax);
    const { words } = this.region;
    words[at + PostAt.textLength] = text.length;
    for (let i = 0; i < text.length; i += 2) {
      // Behind the end of the text it is NaN, which counts as 0.
      words[at + PostAt.sizeWords + (i >> 1)] = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16);
    }
    this.#answer(at, State.failed);
  }

  #answer(at: number, state: number): void {
    const { region } = this;
    if (region.compareExchange(at + PostAt.state, State.running, state)) {
      wake(region, at + PostAt.state);
    } else {
      this.#free(at); // nobody waits for it any more
    }
  }

  #free(at: number): void {
    this.region.store(at + PostAt.state, State.free);
    this.#room.wakeAll();
  }

  /** The callback, on its owner. */
  #here(kind: Kind, range: InvalidationRange, cookie: number): MaybePromise<boolean | void> {
    const ops = this.#owned[cookie & numberMask];
    if (ops === undefined) {
      throw new NotifierError('MMN_CLOSED', `expected callbacks owned here, got cookie ${cookie}`);
    }
    if (kind === 'release') return ops.release?.(cookie);
    if (kind === 'finish') return ops.finish?.(range, cookie);
    return ops.invalidate(range, cookie);
  }

  /** Runs a callback on its owner: here, or by a post. */
  #call(kind: Kind, range: InvalidationRange, cookie: number): MaybePromise<boolean | void> {
    const box = cookie >>> boxShift;
    if (box === this.#box) return this.#here(kind, range, cookie);
    if (!range.blockable) return false;
    const waiting = this.#post(kind, range, cookie, box);
    return this.#blocks ? runSync(waiting) : run(waiting);
  }

  *#post(kind: Kind, range: InvalidationRange, cookie: number, box: number): Waiting<boolean> {
    const { region } = this;
    const owner = region.load(this.#boxAt(box) + BoxAt.agent);
    if (owner === 0) {
      throw new NotifierError(
        'MMN_CLOSED',
        `expected the owner of cookie ${cookie} to be there, got none`,
      );
    }
    let at = this.#take();
    if (at < 0) yield* this.#room.wait(() => (at = this.#take()) >= 0);
    const { words, wide } = region;
    words[at + PostAt.callback] = cookie;
    words[at + PostAt.kind] = kinds.indexOf(kind);
    words[at + PostAt.poster] = this.#blocks ? region.agent : 0;
    words[at + PostAt.event] = invalidationEvents.indexOf(range.event);
    wide[(at >> 1) + PostAt.start] = range.start;
    wide[(at >> 1) + PostAt.end] = range.end;
    region.store(at + PostAt.state, postedFor(box));
    const bell = this.#boxAt(box) + BoxAt.bell;
    region.add(bell, 1);
    wake(region, bell);
    let state: number;
    try {
      while ((state = region.load(at + PostAt.state)) < State.yes) {
        const index = at + PostAt.state;
        yield { region, index, expected: state, holder: owner, isServed: true };
      }
    } catch (error) {
      this.#abandon(at, box, owner);
      throw error;
    }
    const text = state === State.failed ? this.#textOf(at) : '';
    this.#free(at);
    if (state !== State.failed) return state === State.yes;
    throw new NotifierError(
      'MMN_CALLBACK_FAILED',
      `expected the callback to return on its owner, agent ${owner}, got ${text}`,
    );
  }

  /** Nobody waits for the answer. Whoever may still write one gives the post back then. */
  #abandon(at: number, box: number, owner: number): void {
    const { region } = this;
    if (
      isDead(region, owner) ||
      region.compareExchange(at + PostAt.state, postedFor(box), State.taken) ||
      !region.compareExchange(at + PostAt.state, State.running, State.abandoned)
    ) {
      this.#free(at);
    }
  }

  #take(): number {
    for (let post = 0; post < postsMax; post++) {
      const at = this.#postAt(post);
      if (this.region.compareExchange(at + PostAt.state, State.free, State.taken)) return at;
    }
    return -1;
  }

  #textOf(at: number): string {
    const { words } = this.region;
    let text = '';
    for (let i = 0; i < words[at + PostAt.textLength]!; i++) {
      text += String.fromCharCode(
        (words[at + PostAt.sizeWords + (i >> 1)]! >>> ((i & 1) << 4)) & 0xffff,
      );
    }
    return text;
  }

  #boxAt(box: number): number {
    return this.index + boxesAt + box * BoxAt.sizeWords;
  }

  #postAt(post: number): number {
    return this.index + postsAt + post * postWords;
  }
}

/** Not everything that can be thrown has a text. */
function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return `something of type ${typeof error} without a text`;
  }
}

const everything: InvalidationRange = {
  start: 0,
  end: Number.MAX_SAFE_INTEGER,
  event: 'RELEASE',
  blockable: true,
  owner: undefined,
};
