/**
 * A section as a scope: whoever starts one must end it, also when the change fails in between.
 *
 * The four calls here cost an object or a closure. Where a hundred nanoseconds count, call the notifier.
 */
import { checkFunction, checkMethod } from './arguments.ts';
import { callbackAsync, isPromise } from './callbacks.ts';
import type { MaybePromise, Notifier } from './notifier.ts';
import type { RangeToInvalidate } from './range.ts';
import type { Invalidation } from './sections.ts';

/**
 * Changes a range: starts a section, runs `change`, and ends the section whatever `change` did. Returns what it
 * returned; a promise only if the start, the change or the end had to wait.
 *
 *     await changeRange(notifier, { start: 4096, end: 8192 }, () => bytes.fill(0, 4096, 8192));
 *
 * @param signal gives up waiting for the start; then `change` does not run
 * @throws what `change` throws; NotifierError as {@link Notifier.invalidateRangeStart}, and `MMN_OPTION` without a function
 */
export function changeRange<T>(
  notifier: Notifier,
  range: RangeToInvalidate,
  change: () => MaybePromise<T>,
  signal?: AbortSignal,
): MaybePromise<T> {
  checkMethod(notifier, 'invalidateRangeStart', 'notifier');
  checkFunction(change, 'change');
  const started = notifier.invalidateRangeStart(range, signal);
  return isPromise(started)
    ? started.then((invalidation) => changeAndEnd(notifier, invalidation, change))
    : changeAndEnd(notifier, started, change);
}

/**
 * The same, blocking the thread.
 *
 * @throws NotifierError also `MMN_CALLBACK_ASYNC` when `change` returns a promise: the section is over before the change
 */
export function changeRangeSync<T>(
  notifier: Notifier,
  range: RangeToInvalidate,
  change: () => T,
): T {
  checkMethod(notifier, 'invalidateRangeStartSync', 'notifier');
  checkFunction(change, 'change');
  const invalidation = notifier.invalidateRangeStartSync(range);
  try {
    const changed = change();
    if (isPromise(changed)) throw callbackAsync(changed);
    return changed;
  } finally {
    notifier.invalidateRangeEndSync(invalidation);
  }
}

function changeAndEnd<T>(
  notifier: Notifier,
  invalidation: Invalidation,
  change: () => MaybePromise<T>,
): MaybePromise<T> {
  let changed: MaybePromise<T>;
  try {
    changed = change();
  } catch (error) {
    return afterEnd(notifier.invalidateRangeEnd(invalidation), () => {
      throw error;
    });
  }
  if (isPromise(changed)) return changed.finally(() => notifier.invalidateRangeEnd(invalidation));
  const value = changed;
  return afterEnd(notifier.invalidateRangeEnd(invalidation), () => value);
}

function afterEnd<T>(ended: MaybePromise<void>, result: () => T): MaybePromise<T> {
  return isPromise(ended) ? ended.then(result) : result();
}

/** An open section that a scope ends: `await using section = await openSection(notifier, range)`. */
export class OpenSection implements Disposable, AsyncDisposable {
  readonly #notifier: Notifier;
  #invalidation: Invalidation | undefined;

  /** @internal use `openSection` */
  constructor(notifier: Notifier, invalidation: Invalidation) {
    this.#notifier = notifier;
    this.#invalidation = invalidation;
  }

  /** Until `end` is called. */
  get isOpen(): boolean {
    return this.#invalidation !== undefined;
  }

  /** Ends the section. Once more is harmless. */
  end(): MaybePromise<void> {
    const invalidation = this.#take();
    return invalidation && this.#notifier.invalidateRangeEnd(invalidation);
  }

  /** The same, blocking the thread. */
  endSync(): void {
    const invalidation = this.#take();
    if (invalidation !== undefined) this.#notifier.invalidateRangeEndSync(invalidation);
  }

  [Symbol.dispose](): void {
    this.endSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  #take(): Invalidation | undefined {
    const invalidation = this.#invalidation;
    this.#invalidation = undefined;
    return invalidation;
  }
}

/** Starts a section for `await using`. @throws NotifierError as {@link Notifier.invalidateRangeStart} */
export function openSection(
  notifier: Notifier,
  range: RangeToInvalidate,
  signal?: AbortSignal,
): MaybePromise<OpenSection> {
  checkMethod(notifier, 'invalidateRangeStart', 'notifier');
  const started = notifier.invalidateRangeStart(range, signal);
  return isPromise(started)
    ? started.then((invalidation) => new OpenSection(notifier, invalidation))
    : new OpenSection(notifier, started);
}

/** The same for `using`, blocking the thread. */
export function openSectionSync(notifier: Notifier, range: RangeToInvalidate): OpenSection {
  checkMethod(notifier, 'invalidateRangeStartSync', 'notifier');
  return new OpenSection(notifier, notifier.invalidateRangeStartSync(range));
}
