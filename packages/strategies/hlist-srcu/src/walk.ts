/**
 * A walk over the list: calls every node, whatever single ones answer, inside an SRCU read section, so that no node
 * is freed under it though callbacks sleep.
 *
 * It is one state machine for all forms: it runs until a callback returns a promise; only then, and only in the
 * plain form of a blockable section, somebody awaits it and lets the walk run on. So a walk in which nobody waits
 * allocates nothing.
 *
 * Passes: 1. `visit` for each listed node; 2. `finish` for those whose visit succeeded, when all visits have run;
 * 3. `undo` for the same, if the walk failed. An abort ends the waiting, not the walk: a callback that is then
 * still running is left behind. It keeps its driver's lock, if it has one, and the walk's SRCU read section until
 * it is over, so that `close` waits for it; if it succeeds after all, it is finished and undone then.
 */
import {
  abortable,
  callbackAsync,
  callbackFailed,
  isPromise,
  type InvalidationRange,
  type MaybePromise,
} from '@mmu-notifier/core';
import { nonBlockEnd, nonBlockStart, type Srcu } from '@mmu-notifier/sync';
import { Mm, mmAt } from './layout.ts';
import type { CallContext, LegacyOps } from './ops.ts';
import type { Transitions } from './transitions.ts';

/** The functions behind a node, as this agent calls them. */
export interface Entry {
  readonly node: number;
  readonly birth: number;
  readonly cookie: number;
  /** The table that was registered or given. */
  readonly table: object;
  readonly ops: LegacyOps;
}

/** A domain of sleepable RCU, and what this agent does in it. */
export interface SrcuDomain {
  readonly srcu: Srcu;
  /** Callbacks of this agent that run synchronously now: whoever waits for a grace period would wait for itself. */
  callbackDepth: number;
}

/** What a walk needs of its notifier. */
export interface WalkHost {
  readonly state: Transitions;
  readonly domain: SrcuDomain;
  /** @throws NotifierError `MMN_OPS_UNKNOWN` */
  entryOf(node: number): Entry;
}

export type Visit = (
  entry: Entry,
  range: InvalidationRange,
  walk: Walk,
) => MaybePromise<boolean | void>;

/** The passes of a walk. */
export interface Plan {
  readonly visit: Visit;
  readonly finish?: Visit;
  readonly undo?: Visit;
  /** Whether the refusal of a non-blockable section undoes what succeeded. */
  readonly undoesRefused?: boolean;
  /** Whether an abort leaves the rest of the list unvisited. */
  readonly stopsAtAbort?: boolean;
}

/** A section begins. c2655835fd8c: when it is refused, everybody who was told of it is told of its end. */
export const startPlan: Plan = {
  visit: ({ ops, cookie }, range, walk) => ops.invalidateRangeStart?.(range, cookie, walk.context),
  finish: ({ ops, cookie }, range, walk) =>
    ops.invalidateRangeFinish?.(range, cookie, walk.context),
  undo: ({ ops, cookie }, range, walk) => ops.invalidateRangeEnd?.(range, cookie, walk.context),
  undoesRefused: true,
  stopsAtAbort: true,
};

/** L-2: from v4.19 to v5.11 nobody was. */
export const unpairedStartPlan: Plan = { ...startPlan, undoesRefused: false };

/** A section ends. */
export const onlyEndPlan: Plan = {
  visit: ({ ops, cookie }, range, walk) => ops.invalidateRangeEnd?.(range, cookie, walk.context),
};

/** A section ends, and its raiser did not call `invalidateRange` itself. */
export const endPlan: Plan = {
  visit(entry, range, walk) {
    try {
      const result: unknown = entry.ops.invalidateRange?.(range.start, range.end, entry.cookie);
      if (isPromise(result)) throw callbackAsync(result);
    } catch (error) {
      walk.fail(error);
    }
    return onlyEndPlan.visit(entry, range, walk);
  },
};

/** One subscriber goes. */
export const unregisterPlan: Plan = {
  visit: ({ ops, cookie }, _range, walk) => ops.release?.(cookie, walk.context),
};

/** The address space goes. */
export const releasePlan: Plan = { visit: unregisterPlan.visit, finish: startPlan.finish! };

const pass = { visit: 0, finish: 1, undo: 2, over: 3 } as const;

/** See the file's head. Objects are used again. */
export class Walk {
  /** How its caller waits: for the callbacks. */
  context!: CallContext;
  /** Outcome: somebody returned `false`. */
  isRefused = false;
  /** Outcome: the first failure, or the abort's reason. */
  failure: { readonly reason: unknown } | undefined = undefined;
  readonly #host: WalkHost;
  #plan!: Plan;
  #range!: InvalidationRange;
  /** The only node to visit, or 0 for the list. */
  #only = 0;
  #pass: number = pass.over;
  #call!: Visit;
  #isFirst = true;
  #node = 0;
  #entry!: Entry;
  #pending!: Promise<boolean | void>;
  #srcuSide = 0;
  #isAborted = false;
  /** Those whose visit succeeded: the first `#visitedCount` items. */
  readonly #visited: (Entry | undefined)[] = [];
  #visitedCount = 0;
  #cursor = 0;
  #anyFinish = false;
  #leftBehindCount = 0;
  #whenAlone: (() => void) | undefined;

  constructor(host: WalkHost) {
    this.#host = host;
  }

  /** Walks. Returns a promise only if it had to wait; never throws: look at `failure` and `isRefused`. */
  run(plan: Plan, range: InvalidationRange, context: CallContext, only = 0): MaybePromise<void> {
    this.#plan = plan;
    this.#range = range;
    this.context = context;
    this.isRefused = false;
    this.failure = undefined;
    this.#only = only;
    this.#pass = pass.visit;
    this.#call = plan.visit;
    this.#isFirst = true;
    this.#isAborted = false;
    this.#anyFinish = false;
    this.#srcuSide = this.#host.domain.srcu.readLock();
    return this.#goOn() ? undefined : this.#await();
  }

  /** Whether nobody whom it left behind still uses it and its range. */
  get isAlone(): boolean {
    return this.#leftBehindCount === 0;
  }

  /** Calls back once it is alone. */
  whenAlone(callback: () => void): void {
    this.#whenAlone = callback;
  }

  /** Notes a failure and lets the walk go on. */
  fail(reason: unknown): void {
    this.failure ??= { reason: callbackFailed(reason) };
  }

  /** Runs until the end (true) or until a callback has to be waited for (false). */
  #goOn(): boolean {
    while (this.#pass !== pass.over) {
      const entry = this.#nextEntry();
      if (entry === undefined) {
        this.#nextPass();
        continue;
      }
      this.#entry = entry;
      try {
        const result = this.#callBack(entry);
        if (isPromise(result)) {
          if (!this.context.isSync && this.#range.blockable) {
            this.#pending = result;
            return false;
          }
          void this.#leaveBehind(entry, result);
          throw callbackAsync(result);
        }
        this.#settle(result);
      } catch (error) {
        this.fail(error);
      }
    }
    this.#visited.fill(undefined, 0, this.#visitedCount);
    this.#visitedCount = 0;
    if (this.isAlone) this.#host.domain.srcu.readUnlock(this.#srcuSide);
    return true;
  }

  async #await(): Promise<void> {
    const { signal } = this.context;
    do {
      const pending = this.#pending;
      try {
        this.#settle(await abortable(pending, signal));
      } catch (error) {
        if (signal?.aborted === true && error === signal.reason) {
          void this.#leaveBehind(this.#entry, pending);
          this.#isAborted = true;
          this.failure = { reason: error };
        } else {
          this.fail(error);
        }
      }
    } while (!this.#goOn());
  }

  #nextEntry(): Entry | undefined {
    if (this.#pass !== pass.visit) {
      return this.#cursor < this.#visitedCount ? this.#visited[this.#cursor++] : undefined;
    }
    if (this.#isAborted && this.#plan.stopsAtAbort === true) return undefined;
    const { state } = this.#host;
    for (;;) {
      if (this.#isFirst) this.#node = this.#only === 0 ? state.first : this.#only;
      else this.#node = this.#only === 0 ? state.next(this.#node) : 0;
      this.#isFirst = false;
      if (this.#node === 0) return undefined;
      try {
        return this.#host.entryOf(this.#node);
      } catch (error) {
        this.failure ??= { reason: error };
      }
    }
  }

  #nextPass(): void {
    const { finish, undo, undoesRefused = false } = this.#plan;
    this.#cursor = 0;
    if (this.#pass === pass.visit && finish !== undefined && this.#anyFinish) {
      this.#pass = pass.finish;
      this.#call = finish;
    } else if (
      this.#pass !== pass.undo &&
      undo !== undefined &&
      (this.failure !== undefined || (this.isRefused && (undoesRefused || this.#range.blockable)))
    ) {
      this.#pass = pass.undo;
      this.#call = undo;
    } else {
      this.#pass = pass.over;
    }
  }

  #callBack(entry: Entry): MaybePromise<boolean | void> {
    const { domain } = this.#host;
    const range = this.#range;
    domain.callbackDepth++;
    if (!range.blockable) nonBlockStart();
    try {
      return this.#call(entry, range, this);
    } finally {
      if (!range.blockable) nonBlockEnd();
      domain.callbackDepth--;
    }
  }

  #settle(result: boolean | void): void {
    if (this.#pass !== pass.visit) return;
    if (result === false) {
      this.isRefused = true;
      return;
    }
    if (this.#plan.finish === undefined) return;
    if (this.#entry.ops.invalidateRangeFinish !== undefined) this.#anyFinish = true;
    this.#visited[this.#visitedCount++] = this.#entry;
  }

  /**
   * Sees to it that the callback of a walk that goes on without it keeps what it needs until it is over. The walk's
   * read section passes to it: a grace period that has begun would not wait for a section of its own.
   */
  async #leaveBehind(entry: Entry, pending: Promise<boolean | void>): Promise<void> {
    const { state, domain } = this.#host;
    const isVisit = this.#pass === pass.visit;
    const { finish, undo } = this.#plan;
    const range = this.#range;
    state.region.add(mmAt + Mm.leftBehind, 1);
    this.#leftBehindCount++;
    try {
      if ((await pending) !== false && isVisit) {
        await finish?.(entry, range, this);
        await undo?.(entry, range, this);
      }
    } catch {
      // The section that it belonged to has failed already: this has nobody to go to.
    }
    state.region.add(mmAt + Mm.leftBehind, -1);
    if (--this.#leftBehindCount > 0 || this.#pass !== pass.over) return;
    domain.srcu.readUnlock(this.#srcuSide);
    this.#whenAlone?.();
  }
}
