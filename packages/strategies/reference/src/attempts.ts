/** Calls of which each is made although another failed; the first failure is thrown in the end. */
import { callbackFailed, type NotifierError, type Steps } from '@mmu-notifier/core';

/** See the file's head. An abort comes before every other failure. */
export class Attempts {
  readonly signal: AbortSignal | undefined;
  isAborted = false;
  #failure: NotifierError | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.signal = signal;
  }

  get isFailed(): boolean {
    return this.isAborted || this.#failure !== undefined;
  }

  /** Runs one; `undefined` when it failed. */
  *run<T>(steps: Steps<T>): Steps<T | undefined> {
    try {
      return yield* steps;
    } catch (error) {
      if (this.signal?.aborted === true && error === this.signal.reason) this.isAborted = true;
      else this.fail(callbackFailed(error));
      return undefined;
    }
  }

  fail(failure: NotifierError): void {
    this.#failure ??= failure;
  }

  throwFirst(): void {
    if (this.isAborted) throw this.signal!.reason;
    if (this.#failure !== undefined) throw this.#failure;
  }
}
