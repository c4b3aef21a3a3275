/**
 * The smallest subscription that keeps the contract, with a writer's side for tests: one sequence number, a count
 * of open sections, a driver's lock. A section tears down under the lock, so it waits for who publishes.
 */
import { isPromise, type MaybePromise, type Seq, type Subscription } from '../src/index.ts';

export class FakeSubscription implements Subscription {
  readonly start = 0;
  readonly end = 4096;
  isOpen = true;
  /** What the writer changes; one more after each section. */
  version = 0;
  seq = 0;
  openSections = 0;
  isLocked = false;
  /** A spin lock cannot be held across a wait: `publish` then takes no promise from `install`. */
  lockSpins = false;
  /** Called when `readBegin` has decided and is about to return: what a section here makes of it is stale. */
  onReadBegin: () => void = () => {};
  readonly #sleepers = new Set<() => void>();

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    if (this.openSections > 0) {
      return this.#sleep(signal).then(() => this.readBeginSync());
    }
    return this.readBeginSync();
  }

  readBeginSync(): Seq {
    const { seq } = this;
    this.onReadBegin();
    return seq as Seq;
  }

  checkRetry(seq: Seq): boolean {
    return seq !== this.seq;
  }

  publish(seq: Seq, install: () => unknown, signal?: AbortSignal): MaybePromise<boolean> {
    if (this.isLocked) return this.#sleep(signal).then(() => this.publish(seq, install, signal));
    if (this.#refuses(seq)) return false;
    this.isLocked = true;
    let installed: unknown;
    try {
      installed = install();
    } catch (error) {
      this.unlock();
      throw error;
    }
    if (!isPromise(installed)) {
      this.unlock();
      return true;
    }
    if (this.lockSpins) throw new Error('a promise under a spin lock');
    return installed.then(() => true).finally(() => this.unlock());
  }

  publishSync(seq: Seq, install: () => unknown): boolean {
    return this.publish(seq, install) as boolean;
  }

  /** A whole section; false: somebody holds the lock. */
  trySection(): boolean {
    if (!this.tryStart()) return false;
    this.endSection();
    return true;
  }

  /** A whole section; waits for who holds the lock. */
  async section(): Promise<void> {
    while (!this.trySection()) await this.#sleep();
  }

  tryStart(): boolean {
    if (this.isLocked) return false;
    this.seq++;
    this.openSections++;
    return true;
  }

  endSection(): void {
    this.version++;
    this.openSections--;
    this.#wake();
  }

  unlock(): void {
    this.isLocked = false;
    this.#wake();
  }

  close(): void {
    this.isOpen = false;
  }

  closeSync(): void {
    this.close();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #refuses(seq: Seq): boolean {
    return seq !== this.seq || this.openSections > 0;
  }

  #wake(): void {
    for (const wake of this.#sleepers) wake();
    this.#sleepers.clear();
  }

  #sleep(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.add(resolve);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }
}
