/**
 * Numbers for the owners of subscriptions, so that words can say whose doing a section is.
 *
 * In one event loop an owner gets the next number when it first subscribes, and keeps it: owners are devices, and
 * few. Other agents have other objects, so in shared memory an owner's number is that of the first ops that were
 * registered with it; agents agree when each has registered all of them, as they must.
 */
import type { InvalidationRange } from '@mmu-notifier/core';

/** See the file's head. 0 is nobody. */
export class Owners {
  readonly #owners: unknown[] = [];
  readonly #shared: boolean;

  constructor(shared: boolean) {
    this.#shared = shared;
  }

  /** Ops were registered. */
  register(opsId: number, owner: unknown): void {
    if (this.#shared) this.#owners[opsId] = owner;
  }

  /** The number of a subscriber's owner. */
  add(owner: unknown): number {
    if (!this.#shared && owner !== undefined && !this.#owners.includes(owner)) {
      this.#owners.push(owner);
    }
    return this.#find(owner);
  }

  /** The number of the owner whose own doing a section is. */
  numberOf({ event, owner }: InvalidationRange): number {
    return event === 'MIGRATE' || event === 'EXCLUSIVE' ? this.#find(owner) : 0;
  }

  #find(owner: unknown): number {
    return owner === undefined ? 0 : this.#owners.indexOf(owner) + 1;
  }
}
