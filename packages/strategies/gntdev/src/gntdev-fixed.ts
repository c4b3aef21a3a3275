/**
 * gntdev with its later fixes.
 *
 * 1. A section marks what it hits in a collision-retry sequence, and a fault publishes only if the mark is what it was
 *    (GNT-2). Source: d3eeb1d77c5d (v5.5), which made it a user of the interval notifier; here the sequence stands beside the
 *    driver's own lists.
 * 2. A map remembers where it lies by itself, not by a VMA that the mm may split (GNT-3). Source: 5c13a4a0291b (v6.1).
 * 3. What is unmapped is given back to its domain when nobody else uses it any more, and no section waits for that
 *    (GNT-1). Source: dbe97cff7dd9 (v5.19).
 */
import type { InvalidationRange, MaybePromise, Seq, Span } from '@mmu-notifier/core';
import {
  CollisionSequence,
  type CallContext,
  type Collidable,
  type DriverMm,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { mutexWords } from '@mmu-notifier/sync';
import { Gntdev } from './gntdev.ts';
import { GrantMap } from './grant-map.ts';

/** See the file's head. */
export class GrantMapFixed extends GrantMap implements Collidable {
  mark = 0;
  /** Pages that were unmapped and are not given back yet, since others use them: being_removed. */
  beingRemoved: readonly Span[] = [];
  readonly #sequence: CollisionSequence;

  constructor(init: SubscriptionInit, driver: GntdevFixed) {
    super(init, driver);
    this.#sequence = driver.sequence;
  }

  get mappedAt(): this {
    return this;
  }

  protected begin(context: CallContext): MaybePromise<Seq> {
    return this.#sequence.begin(this, context);
  }

  protected override collided(seq: Seq): boolean {
    return this.#sequence.collided(this, seq);
  }

  protected override isHopeless(seq: Seq): boolean {
    return this.#sequence.collided(this, seq);
  }

  /** Linux: gnttab_unmap_refs_async, which looks again after a while. */
  protected override userLeft(): void {
    this.beingRemoved = this.beingRemoved.filter((pages) => this.isUsed(pages));
  }

  protected override callInvalidate(range: InvalidationRange): MaybePromise<boolean | void> {
    const { start, end } = range;
    if (this.isUsed(range)) this.beingRemoved = [...this.beingRemoved, { start, end }];
    return super.callInvalidate(range);
  }
}

/** See the file's head. */
export class GntdevFixed extends Gntdev {
  readonly sequence: CollisionSequence;

  constructor(mm: DriverMm) {
    super(mm);
    const { region, fixedAt } = this.memory;
    this.sequence = new CollisionSequence(region, fixedAt + mutexWords);
  }

  createSubscription(init: SubscriptionInit): GrantMapFixed {
    return new GrantMapFixed(init, this);
  }

  invalidateRangeEnd(): void {
    this.sequence.leave();
  }

  protected mapped(map: GrantMapFixed): void {
    map.mark = this.sequence.markOfNew;
  }

  protected entered(): void {
    this.sequence.enter();
  }

  protected hit(maps: readonly GrantMapFixed[]): void {
    for (const map of maps) this.sequence.hit(map);
  }

  protected left(): void {
    this.sequence.leave();
  }

  protected released(): void {
    this.sequence.abandon();
  }
}
