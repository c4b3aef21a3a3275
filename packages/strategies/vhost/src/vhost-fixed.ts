/**
 * vhost with what was proposed for it in August 2019, and the little more that makes it correct: its callbacks are
 * registered once, and a section is remembered from its start to its end, so that the end lowers exactly the counts that
 * the start raised, whatever addresses have changed. An area that is set while sections are open raises the counts that
 * they would have raised.
 *
 * Source: 20190809054851.20118, "Fixes for vhost metadata acceleration", v5, never merged. There the count is reset when
 * an address changes ("vhost: reset invalidate_count in vhost_set_vring_num_addr()"), which leaves the maps of the
 * other areas unwatched meanwhile; that sections are remembered is ours.
 */
import { isPromise, type InvalidationRange } from '@mmu-notifier/core';
import type { MaybePromise, Span, Steps } from '@mmu-notifier/core';
import { overlaps } from '@mmu-notifier/core';
import type { Registration } from '@mmu-notifier/hlist-srcu';
import type { CallContext, DriverMm } from '@mmu-notifier/hlist-srcu/driver';
import { UnderLock } from './accessors.ts';
import type { Area } from './area.ts';
import { Vhost } from './vhost.ts';
import type { Virtqueue } from './virtqueue.ts';

/** See the file's head. */
export class VhostFixed extends Vhost {
  readonly accessors: UnderLock = new UnderLock();
  /** Every open section, and the virtqueues that it raised, as often as it did. */
  readonly #open = new Map<InvalidationRange, Virtqueue[]>();
  readonly #registered: MaybePromise<Registration>;

  constructor(mm: DriverMm) {
    super(mm);
    this.#registered = mm.list.register(this);
  }

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    const hits = this.hits(range);
    if (hits.length > 0 && !range.blockable) return false;
    const raised = hits.map(({ virtqueue }) => virtqueue);
    this.#open.set(range, raised);
    return hits.length === 0 || this.runIn(this.unmapEach(hits, range, context), context);
  }

  invalidateRangeEnd(range: InvalidationRange): void {
    for (const virtqueue of this.#open.get(range) ?? []) virtqueue.lower();
    this.#open.delete(range);
  }

  *attach(area: Area): Steps<void> {
    if (isPromise(this.#registered)) yield this.#registered;
    for (const [range, raised] of this.#open) {
      if (!this.overlaps(area, range)) continue;
      this.raise(area.virtqueue);
      raised.push(area.virtqueue);
    }
    area.isSet = true;
  }

  *detach(area: Area, context: CallContext): Steps<void> {
    if (area.isSet) yield* this.uninit(area, context, () => area.unmap());
  }

  protected overlaps(area: Area, range: Span): boolean {
    return overlaps(area, range);
  }
}
