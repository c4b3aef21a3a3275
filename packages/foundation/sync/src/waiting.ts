/**
 * Waiting, written once. A slow path that waits is a generator that yields wait requests; `runSync` serves
 * them by blocking the thread, `run` by promises. Fast paths never come here.
 *
 * A request waits on one word: while the word holds `expected`, until somebody wakes the word. It may
 * return early, so the generator looks again, as with a futex. It fails when what it waits for died with another
 * agent (deaths.ts).
 *
 * In one event loop the waiters stand in a queue of the region's; in shared memory they stand in the engine's
 * queue for the word (Atomics.wait, Atomics.waitAsync). There a wake may go to an agent whose promise cannot
 * go on until that agent returns to its event loop: who waits with a promise must not block for long beside it.
 */
import { checkFunction, NotifierError } from '@mmu-notifier/core';
import { nowMs, startTimer, type TimerHandle } from './clock.ts';
import { Patience } from './deaths.ts';
import { mightSleep } from './lockdep.ts';
import type { Region } from './memory.ts';
import { firstAgent } from './this-agent.ts';

/** Wait while `region.words[index] === expected`, at most `timeoutMs`. */
export interface WaitRequest {
  readonly region: Region;
  readonly index: number;
  readonly expected: number;
  /** Default: no limit. */
  readonly timeoutMs?: number;
  /** The agent that has to act, if that is known: if it dies, the wait fails at once. */
  readonly holder?: number;
  /** That agent acts also while it is blocked: it serves. What it holds is no lock, then. */
  readonly isServed?: boolean;
}

/** How a wait ended. `not-equal`: it did not begin. */
export type WaitOutcome = 'ok' | 'not-equal' | 'timed-out';

/** A slow path: yields what to wait for, receives how the wait ended. */
export type Waiting<T> = Generator<WaitRequest, T, WaitOutcome>;

/**
 * Runs a slow path, blocking the thread. What goes wrong is thrown into the generator, whose `finally` cleans up.
 *
 * @throws NotifierError `MMN_WOULD_BLOCK` in one event loop, where nobody else could ever wake it, and in agents
 *   that must not block: a browser's main thread; `MMN_LOCK` when what it waits for is held by this agent, or by one that waits for it; `MMN_AGENT_DIED`
 */
export function runSync<T>(waiting: Waiting<T>): T {
  const patience = new Patience(nowMs);
  let step = waiting.next();
  while (step.done !== true) {
    let outcome: WaitOutcome;
    try {
      outcome = block(step.value, patience);
    } catch (error) {
      step = waiting.throw(error);
      continue;
    }
    step = waiting.next(outcome);
  }
  return step.value;
}

/** How a thread sleeps: as `Atomics.wait` does. A thread that serves looks up after `timeoutMs`, whatever the request says. */
export type Sleep = (request: WaitRequest, timeoutMs: number) => WaitOutcome;

/** What belongs to one thread. */
interface Thread {
  readonly servers: Set<() => void>;
  /** Agents that are blocked until what runs here now is over, each by its number in a region. */
  readonly awaitedBy: { readonly region: Region; readonly agent: number }[];
  readonly sleep: Sleep;
}

const sleepInEngine: Sleep = ({ region, index, expected }, timeoutMs) =>
  Atomics.wait(region.words, index, expected, timeoutMs);

let thread: Thread = { servers: new Set(), awaitedBy: [], sleep: sleepInEngine };
/** How long a blocked thread that serves may be deaf: what it waits for and what it serves are different words. */
const serveMs = 1;

/** From now on this thread calls `serve` while it is blocked. Returns what ends that. */
export function serveWhileBlocked(serve: () => void): () => void {
  checkFunction(serve, 'serve');
  const { servers } = thread;
  servers.add(serve);
  return () => void servers.delete(serve);
}

/** Runs code for an agent that is blocked until it is over: what that agent holds must not be waited for meanwhile. */
export function whileAwaitedBy<T>(region: Region, agent: number, code: () => T): T {
  const { awaitedBy } = thread;
  awaitedBy.push({ region, agent });
  try {
    return code();
  } finally {
    awaitedBy.pop();
  }
}

/**
 * A thread of its own for code that runs within what this returns: who serves there while it is blocked serves nobody else, and it sleeps
 * as it is told to. For tools that run the code of several threads in one, as an explorer does.
 */
export function createThread(sleep: Sleep): <T>(code: () => T) => T {
  checkFunction(sleep, 'sleep');
  const own: Thread = { servers: new Set(), awaitedBy: [], sleep };
  return (code) => {
    const before = thread;
    thread = own;
    try {
      return code();
    } finally {
      thread = before;
    }
  };
}

/** Whether it is certain. The same number in another region may be somebody else's, unless it was given out for all. */
function waitsForUs(region: Region, holder: number | undefined): boolean {
  return thread.awaitedBy.some(
    (awaiting) =>
      awaiting.agent === holder &&
      (holder >= firstAgent || awaiting.region.memory === region.memory),
  );
}

function block(request: WaitRequest, patience: Patience): WaitOutcome {
  const { region, timeoutMs = Infinity, holder, isServed = false } = request;
  if (!region.shared) {
    throw new NotifierError(
      'MMN_WOULD_BLOCK',
      'expected to go on without waiting in a …Sync call on unshared memory, but the wait could never end: use the plain form',
    );
  }
  if (!isServed && (holder === region.agent || waitsForUs(region, holder))) {
    const who = holder === region.agent ? 'this one' : `${holder}, which waits for this one`;
    throw new NotifierError(
      'MMN_LOCK',
      `expected to wait for an agent that can go on, got ${who}: it would never give back what it holds`,
    );
  }
  mightSleep('wait');
  const { servers, sleep } = thread;
  for (const serve of servers) serve();
  const lookMs = Math.min(patience.look(region, holder), servers.size > 0 ? serveMs : Infinity);
  try {
    const outcome = sleep(request, Math.min(timeoutMs, lookMs));
    return outcome === 'timed-out' && lookMs < timeoutMs ? 'ok' : outcome;
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new NotifierError(
      'MMN_WOULD_BLOCK',
      'expected an agent that may block, got one that must not: use the plain form, or a worker',
      { cause },
    );
  }
}

/**
 * Runs a slow path with promises. An abort is thrown into the generator, whose `finally` cleans up.
 *
 * @throws the signal's reason; NotifierError `MMN_AGENT_DIED`
 */
export async function run<T>(waiting: Waiting<T>, signal?: AbortSignal): Promise<T> {
  const patience = new Patience(nowMs);
  let step = waiting.next();
  while (step.done !== true) {
    let outcome: WaitOutcome;
    try {
      signal?.throwIfAborted();
      mightSleep('wait');
      outcome = await (step.value.region.shared
        ? waitShared(step.value, patience, signal)
        : waitLocal(step.value, signal));
    } catch (error) {
      step = waiting.throw(error);
      continue;
    }
    step = waiting.next(outcome);
  }
  return step.value;
}

/** Wakes up to `count` waiters of a word (default: all). Call it after the word was changed. */
export function wake(region: Region, index: number, count: number = Infinity): void {
  if (region.shared) Atomics.notify(region.words, index, count);
  else wakeLocal(region, index, count);
}

interface LocalWaiter {
  settle(outcome: WaitOutcome): void;
}

const localWaiters = new WeakMap<Region, Map<number, Set<LocalWaiter>>>();

function waitLocal(request: WaitRequest, signal: AbortSignal | undefined): Promise<WaitOutcome> {
  const { region, index, expected, timeoutMs } = request;
  if (region.words[index] !== expected) return Promise.resolve('not-equal');
  let queues = localWaiters.get(region);
  if (queues === undefined) localWaiters.set(region, (queues = new Map()));
  let queue = queues.get(index);
  if (queue === undefined) queues.set(index, (queue = new Set()));
  const standing = queue;
  return new Promise((resolve, reject) => {
    let timer: TimerHandle | undefined;
    const leave = (): void => {
      standing.delete(waiter);
      timer?.cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    const waiter: LocalWaiter = {
      settle(outcome) {
        leave();
        resolve(outcome);
      },
    };
    const onAbort = (): void => {
      leave();
      reject(signal!.reason);
    };
    standing.add(waiter);
    if (timeoutMs !== undefined && timeoutMs !== Infinity) {
      timer = startTimer(timeoutMs, () => waiter.settle('timed-out'));
    }
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function wakeLocal(region: Region, index: number, count: number): void {
  const queue = localWaiters.get(region)?.get(index);
  if (queue === undefined) return;
  let left = count;
  for (const waiter of queue) {
    if (left-- <= 0) return;
    waiter.settle('ok');
  }
}

function waitShared(
  request: WaitRequest,
  patience: Patience,
  signal: AbortSignal | undefined,
): Promise<WaitOutcome> {
  const { region, index, expected, timeoutMs = Infinity, holder } = request;
  const lookMs = patience.look(region, holder);
  const result = Atomics.waitAsync(region.words, index, expected, Math.min(timeoutMs, lookMs));
  if (!result.async) return Promise.resolve(result.value);
  const settled = result.value.finally(keepAlive());
  const woken: Promise<WaitOutcome> =
    lookMs < timeoutMs
      ? settled.then((outcome) => (outcome === 'timed-out' ? 'ok' : outcome))
      : settled;
  if (signal === undefined) return woken;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason);
      // The engine's waiter cannot be withdrawn, and one that nobody listens to would swallow a wake. So all
      // are woken: this one is gone then, and those who still wait look again.
      wake(region, index);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    void woken.then((outcome) => {
      signal.removeEventListener('abort', onAbort);
      resolve(outcome);
    });
  });
}

let alive = 0;
let aliveTimer: ReturnType<typeof setInterval> | undefined;
const aliveIntervalMs = 2 ** 31 - 1;

/** A pending Atomics.waitAsync does not keep Node's event loop running (nodejs/node #61941): a timer does. */
function keepAlive(): () => void {
  if (alive++ === 0) aliveTimer = setInterval(() => {}, aliveIntervalMs);
  return () => {
    if (--alive === 0) clearInterval(aliveTimer);
  };
}
