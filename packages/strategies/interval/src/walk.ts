/**
 * The walk over the subscriptions that a section hits, and the calls that it makes.
 *
 * 1. It runs without a lock: the section that walks keeps the tree frozen (see transitions.ts).
 * 2. For each hit: the driver's lock (a non-blockable section only tries), the seq, `invalidate`, unlock. So a
 *    publication that follows sees the seq, and one that came first was torn down.
 * 3. `finish` runs in a second walk, when all `invalidate` have run.
 */
import {
  abortable,
  callbackAsync,
  callbackFailed,
  callbackRefused,
  isPromise,
  runSteps,
  runStepsSync,
  type MaybePromise,
  type NotifierError,
  type Section,
  type Steps,
} from '@mmu-notifier/core';
import type { Binding, Bindings } from './binding.ts';
import { unlockAfter, untilLocked } from './locked-callback.ts';
import { none, type Transitions } from './transitions.ts';

/** How a walk may wait: by promises, by blocking the thread, or not at all. */
export type Mode = 'plain' | 'sync' | 'try';

/** `Section.note` of a release, which no caller can raise: an event `RELEASE` of theirs is one like others. */
export const releaseNote = 1;
const noteOfRelease = releaseNote; // a copy: see transitions.ts

/** See the file's head. */
export class Walk {
  declare readonly isV1: boolean;
  readonly #state: Transitions;
  readonly #bindings: Bindings;

  constructor(state: Transitions, bindings: Bindings, isV1: boolean) {
    this.#state = state;
    this.#bindings = bindings;
    this.isV1 = isV1;
  }

  /** Invalidates from `first` on, then the second pass. `false`: would block. A promise only in mode `plain`. */
  run(
    section: Section,
    first: number,
    mode: Mode,
    signal: AbortSignal | undefined,
  ): MaybePromise<boolean> {
    let failure: NotifierError | undefined;
    let handle = first;
    while (handle >= 0) {
      let invalidated: MaybePromise<boolean> = true;
      try {
        invalidated = this.invalidate(section, handle, mode, signal);
      } catch (error) {
        failure ??= callbackFailed(error);
      }
      if (invalidated === false) {
        if (mode === 'try') break;
        failure ??= callbackRefused();
      } else if (invalidated !== true) {
        return runSteps(this.#walkOn(section, first, handle, invalidated, failure, signal));
      }
      handle = this.#state.next(section, handle);
    }
    if (this.#bindings.anyFinish && first !== handle) {
      const steps = this.#finish(section, first, handle, failure, signal);
      return mode === 'plain' ? runSteps(steps) : runStepsSync(steps);
    }
    if (failure !== undefined) throw failure;
    if (handle >= 0) return false;
    if (first >= 0) this.#state.called(section);
    return true;
  }

  /** The rest of a plain walk, from a callback on that has to be waited for. */
  *#walkOn(
    section: Section,
    first: number,
    from: number,
    pending: Promise<boolean>,
    failed: NotifierError | undefined,
    signal: AbortSignal | undefined,
  ): Steps<boolean> {
    let failure = failed;
    let invalidated: MaybePromise<boolean> = pending;
    for (let handle = from; ;) {
      try {
        if ((yield abortable(invalidated, signal)) === false) failure ??= callbackRefused();
      } catch (error) {
        if (isAbort(error, signal)) {
          yield* this.#finish(section, first, handle, undefined, signal);
          throw error;
        }
        failure ??= callbackFailed(error);
      }
      handle = this.#state.next(section, handle);
      if (handle === none) break;
      try {
        invalidated = this.invalidate(section, handle, 'plain', signal);
      } catch (error) {
        invalidated = Promise.reject(error);
      }
    }
    return yield* this.#finish(section, first, none, failure, signal);
  }

  /**
   * The second pass, from the first hit to `until`, in the order of the first. After an abort it still calls
   * everybody whose `invalidate` has run, and waits for nobody. Throws what failed first, in either pass.
   */
  *#finish(
    section: Section,
    first: number,
    until: number,
    failed: NotifierError | undefined,
    signal: AbortSignal | undefined,
  ): Steps<boolean> {
    let failure = failed;
    let isAborted = false;
    for (let handle = first; handle !== until;) {
      try {
        yield abortable(this.finish(section, handle), signal);
      } catch (error) {
        if (isAbort(error, signal)) isAborted = true;
        else failure ??= callbackFailed(error);
      }
      handle = this.#state.next(section, handle);
    }
    if (isAborted) throw signal!.reason;
    if (failure !== undefined) throw failure;
    if (until !== none) return false;
    this.#state.called(section);
    return true;
  }

  /** One callback of the second pass. Throws what it throws. */
  finish(section: Section, handle: number): MaybePromise<void> {
    const binding = this.#bindings.of(handle);
    const { finish, ops } = binding;
    if (finish === undefined || binding.owns(section)) return undefined;
    return this.#bindings.call(() => finish.call(ops, section, this.#bindings.cookieOf(handle)));
  }

  /** One callback of the first pass. `false`: it would block. Throws what it throws. */
  invalidate(
    section: Section,
    handle: number,
    mode: Mode,
    signal: AbortSignal | undefined,
  ): MaybePromise<boolean> {
    const binding = this.#bindings.of(handle);
    if (binding.owns(section)) return true;
    // v1: by the core, before the callback and its lock, and not for a release. (U-1)
    if (this.isV1 && section.note !== noteOfRelease) this.#state.setSeq(handle);
    if (binding.locksItself) return this.#invoke(section, handle, mode, binding, false);
    const { lock } = binding;
    if (mode === 'try') {
      if (!lock.tryLock()) return false;
    } else if (mode === 'sync') {
      lock.lockSync();
    } else {
      const waited = lock.lock(signal);
      if (waited !== undefined)
        return this.#invalidateLater(waited, section, handle, binding, signal);
    }
    return this.#invoke(section, handle, mode, binding, true);
  }

  /** Sets the seq and calls `invalidate`; unlocks when that is over. */
  #invoke(
    section: Section,
    handle: number,
    mode: Mode,
    binding: Binding,
    isLocked: boolean,
  ): MaybePromise<boolean> {
    let result: MaybePromise<boolean | void>;
    this.#bindings.enter();
    try {
      if (isLocked && !this.isV1) {
        if (section.note === noteOfRelease) this.#state.setReleased(handle);
        else this.#state.setSeq(handle);
      }
      result = binding.invalidate.call(binding.ops, section, this.#bindings.cookieOf(handle));
    } catch (error) {
      this.#bindings.leave();
      if (isLocked) binding.lock.unlock();
      throw error;
    }
    this.#bindings.leave();
    if (result === undefined || typeof result === 'boolean' || !isPromise(result)) {
      if (isLocked) binding.lock.unlock();
      return result !== false;
    }
    if (mode === 'plain') return unlockAfter(result, isLocked ? binding.lock : undefined);
    if (isLocked) binding.lock.unlock();
    throw callbackAsync(result);
  }

  async #invalidateLater(
    waited: Promise<void>,
    section: Section,
    handle: number,
    binding: Binding,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    await untilLocked(waited, binding.lock, signal);
    return this.#invoke(section, handle, 'plain', binding, true);
  }
}

/** Whether a wait was given up. */
export function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && error === signal.reason;
}
