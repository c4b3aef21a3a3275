/** A notifier with what tests say about it. */
import assert from 'node:assert/strict';
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { begin, DriverWorld, publish, Recorder } from '../../hlist-srcu/test/driver-world.ts';
import type { Endpoint } from '../src/endpoint.ts';
import { scifDma, type CopyBuffer } from '../src/index.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** See the file's head. */
export class World extends DriverWorld<CopyBuffer> {
  constructor(options: DriverCreateOptions = {}) {
    super(scifDma.create(options), () => new Recorder());
  }

  /** Where its copies begin. */
  get endpoint(): Endpoint {
    return this.notifier.driver as Endpoint;
  }

  /** A buffer that was copied once. */
  copied(start: number, end: number, cookie = 0) {
    return this.published(start, end, cookie);
  }
}

/** Of a size that v5.3 caches, and pages of it. */
export const large: number = 2 ** 30;
export const largePages: number = large / 4096;

/** A copy that nothing comes in between. */
export function copy(subscription: CopyBuffer): void {
  assert.ok(publish(subscription, begin(subscription)), 'expected it to be copied');
}
