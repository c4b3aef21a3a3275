/**
 * The calls that a section makes: `invalidate` of everybody whom it hits, then `finish`.
 *
 * 1. For each hit: the driver's lock (a non-blockable section only tries), the seq, `invalidate`, unlock. So a publication that
 *    follows sees the seq, and one that came first was torn down.
 * 2. Whoever throws or refuses fails the section, and the others are called all the same.
 */
import {
  abortable,
  callbackAsync,
  callbackFailed,
  callbackRefused,
  isPromise,
  type NotifierError,
  runSteps,
  runStepsSync,
  type MaybePromise,
  type Steps,
} from '@mmu-notifier/core';
import { unlockAfter, untilLocked } from '../locked-callback.ts';
import { refuseCallback } from '../refusals.ts';
import { Attempts } from '../release.ts';
import { isAbort, type Mode } from '../walk.ts';
import type { Entry } from './entry.ts';
import type { LocalSection } from './section.ts';

/** See the file's head. */
export class Calls {
  /** Whether any subscriber has a second pass. */
  anyFinish = false;
  /** Callbacks that run synchronously right now. */
  #depth = 0;

  /** Calls whom a section hits. `false`: would block. A promise only in mode `plain`. */
  run(section: LocalSection, mode: Mode, signal: AbortSignal | undefined): MaybePromise<boolean> {
    const { hits, toCall } = section;
    let failure: NotifierError | undefined;
    let at = 0;
    for (; at < toCall; at++) {
      let went: MaybePromise<boolean> = true;
      try {
        went = this.#invalidate(section, hits[at]!, mode, signal);
      } catch (error) {
        failure ??= callbackFailed(error);
      }
      if (went === true) continue;
      if (went !== false) return runSteps(this.#runOn(section, at, went, failure, signal));
      if (mode === 'try') break;
      failure ??= callbackRefused();
    }
    if (this.anyFinish && at !== 0) {
      const steps = this.#finishAll(section, at, failure, signal);
      return mode === 'plain' ? runSteps(steps) : runStepsSync(steps);
    }
    if (failure !== undefined) throw failure;
    if (at !== toCall) return false;
    section.endCalls();
    return true;
  }

  /** The rest, from a callback on that has to be waited for. */
  *#runOn(
    section: LocalSection,
    from: number,
    pending: Promise<boolean>,
    failed: NotifierError | undefined,
    signal: AbortSignal | undefined,
  ): Steps<boolean> {
    const { hits, toCall } = section;
    let failure = failed;
    let went: MaybePromise<boolean> = pending;
    for (let at = from; ;) {
      try {
        if ((yield abortable(went, signal)) === false) failure ??= callbackRefused();
      } catch (error) {
        if (isAbort(error, signal)) {
          yield* this.#finishAll(section, at, undefined, signal);
          throw error;
        }
        failure ??= callbackFailed(error);
      }
      if (++at === toCall) return yield* this.#finishAll(section, at, failure, signal);
      try {
        went = this.#invalidate(section, hits[at]!, 'plain', signal);
      } catch (error) {
        went = Promise.reject(error);
      }
    }
  }

  /**
   * The second pass, for the first `count`. After an abort it still calls everybody, and waits for nobody. Throws what failed first, in
   * either pass.
   */
  *#finishAll(
    section: LocalSection,
    count: number,
    failed: NotifierError | undefined,
    signal: AbortSignal | undefined,
  ): Steps<boolean> {
    const attempts = new Attempts(signal, failed);
    for (let at = 0; at < count; at++) {
      yield* attempts.run(() => this.#finish(section, section.hits[at]!));
    }
    attempts.throwFirst();
    if (count !== section.toCall) return false;
    section.endCalls();
    return true;
  }

  /**
   * Tells everybody that the address space dies: `invalidate`, then `finish` and `release`. Until that is over its section is open, so
   * nobody begins a read; then nobody does any more.
   */
  *tellOfRelease(section: LocalSection, mode: Mode, signal: AbortSignal | undefined): Steps<void> {
    const attempts = new Attempts(signal);
    const entries = section.hits.slice(0, section.toCall) as Entry[];
    for (const entry of entries) {
      const went = yield* attempts.run(() => this.#invalidate(section, entry, mode, signal));
      if (went === false) attempts.failure ??= callbackRefused();
    }
    for (const entry of entries) {
      yield* attempts.run(() => this.#finish(section, entry));
      yield* attempts.run(() => this.#call(() => entry.ops.release?.(entry.cookie)));
    }
    for (const entry of entries) entry.setReleased();
    attempts.throwFirst();
  }

  /** @throws NotifierError `MMN_IN_CALLBACK` for what would wait for the callback's own section */
  refuseInCallback(what: string): void {
    if (this.#depth !== 0) refuseCallback(what);
  }

  #finish(section: LocalSection, { finish, ops, cookie }: Entry): MaybePromise<void> {
    return finish && this.#call(() => finish.call(ops, section, cookie));
  }

  #call<T>(callback: () => T): T {
    this.#depth++;
    try {
      return callback();
    } finally {
      this.#depth--;
    }
  }

  /** One callback of the first pass. `false`: it would block. Throws what it throws. */
  #invalidate(
    section: LocalSection,
    entry: Entry,
    mode: Mode,
    signal: AbortSignal | undefined,
  ): MaybePromise<boolean> {
    if (!entry.locksItself) {
      const { lock } = entry;
      if (mode === 'try') {
        if (!lock.tryLock()) return false;
      } else if (mode === 'sync') {
        lock.lockSync();
      } else {
        const waited = lock.lock(signal);
        if (waited !== undefined) return this.#invokeLater(waited, section, entry, signal);
      }
    }
    return this.#invoke(section, entry, mode);
  }

  async #invokeLater(
    waited: Promise<void>,
    section: LocalSection,
    entry: Entry,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    await untilLocked(waited, entry.lock, signal);
    return this.#invoke(section, entry, 'plain');
  }

  /** With the driver's lock held, unless the driver locks for itself; unlocks when the callback is over. */
  #invoke(section: LocalSection, entry: Entry, mode: Mode): MaybePromise<boolean> {
    let result: MaybePromise<boolean | void>;
    this.#depth++;
    try {
      if (!entry.locksItself) entry.setSeq();
      result = entry.invalidate.call(entry.ops, section, entry.cookie);
    } catch (error) {
      unlock(entry);
      throw error;
    } finally {
      this.#depth--;
    }
    if (result !== undefined && isPromise(result)) {
      if (mode === 'plain') return unlockAfter(result, entry.locksItself ? undefined : entry.lock);
      unlock(entry);
      throw callbackAsync(result);
    }
    unlock(entry);
    return result !== false;
  }
}

function unlock(entry: Entry): void {
  if (!entry.locksItself) entry.lock.unlock();
}
