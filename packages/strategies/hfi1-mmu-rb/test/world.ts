/** A notifier with what tests say about it. */
import assert from 'node:assert/strict';
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import {
  begin,
  DriverWorld,
  kindsOf,
  publish,
  Recorder,
  settled,
} from '../../hlist-srcu/test/driver-world.ts';
import { hfi1MmuRb, type UserBuffer } from '../src/index.ts';
import type { MmuRb } from '../src/mmu-rb.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** Every variant with every container. */
export const kinds = kindsOf(hfi1MmuRb.variants);

/** See the file's head. */
export class World extends DriverWorld<UserBuffer> {
  constructor(options: DriverCreateOptions = {}) {
    super(hfi1MmuRb.create(options), () => new Recorder());
  }

  /** The file's tree. */
  get mmuRb(): MmuRb {
    return this.notifier.driver as MmuRb;
  }

  /** A buffer that something was published for, and whose packets are gone. */
  async mapped(start: number, end: number, cookie = 0) {
    const recorder = this.published(start, end, cookie);
    await settled();
    return recorder;
  }
}

/** A set-up that nothing comes in between. */
export function map(subscription: UserBuffer): void {
  assert.ok(publish(subscription, begin(subscription)), 'expected it to be published');
}
