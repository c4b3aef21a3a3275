/** A notifier with what tests say about it. */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { DriverWorld, Recorder, kindsOf } from '../../hlist-srcu/test/driver-world.ts';
import type { UserptrDriver } from '../src/driver.ts';
import { i915Userptr, type UserptrObject } from '../src/index.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** Every variant with every container. */
export const kinds = kindsOf(i915Userptr.variants);

/** See the file's head. */
export class World extends DriverWorld<UserptrObject> {
  constructor(options: DriverCreateOptions = {}) {
    super(i915Userptr.create(options), () => new Recorder());
  }

  /** One that holds pages. */
  active(start: number, end: number, cookie = 0) {
    return this.published(start, end, cookie);
  }

  get driver(): UserptrDriver {
    return this.notifier.driver as UserptrDriver;
  }
}
