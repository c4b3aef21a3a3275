/** Cells that change in sections, and every correct strategy that a value may be derived under. */
import {
  changeRange,
  type MaybePromise,
  type Notifier,
  type Subscription,
} from '@mmu-notifier/core';
import { hlistSrcu } from '@mmu-notifier/hlist-srcu';
import { interval } from '@mmu-notifier/interval/variants';
import { reference } from '@mmu-notifier/reference';

/** What the tests run under. */
export const strategies = [interval, reference, hlistSrcu];

/** A strategy of {@link strategies}. */
export type AnyStrategy = (typeof strategies)[number];

/** Memory of small integers, one for each address, and a notifier that tells of changes. */
export class World {
  readonly cells = new Map<number, number>();
  readonly notifier: Notifier;
  /** Subscribed, and not closed yet. */
  readonly subscriptions = new Set<Subscription>();

  constructor(strategy: AnyStrategy) {
    this.notifier = strategy.create();
    const subscribe = this.notifier.subscribe.bind(this.notifier);
    this.notifier.subscribe = async (...given) => {
      const subscription = await subscribe(...given);
      this.subscriptions.add(subscription);
      const close = subscription.close.bind(subscription);
      subscription.close = async (signal) => {
        await close(signal);
        this.subscriptions.delete(subscription);
      };
      return subscription;
    };
  }

  cell(at: number): number {
    return this.cells.get(at) ?? 0;
  }

  /** Adds one to a cell, in a section. */
  change(at: number): MaybePromise<void> {
    return changeRange(this.notifier, span(at), () => void this.cells.set(at, this.cell(at) + 1));
  }
}

/** The span of one cell. */
export function span(at: number): { start: number; end: number } {
  return { start: at, end: at + 1 };
}

/** Lets everything go on that needs no time. */
export async function turns(count: number = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await undefined;
}
