/** A notifier with what tests say about it. */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { DriverWorld, Recorder, kindsOf } from '../../hlist-srcu/test/driver-world.ts';
import type { RadeonDriver } from '../src/driver.ts';
import { radeonMn, type UserBo } from '../src/index.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** Every variant with every container. */
export const kinds = kindsOf(radeonMn.variants);

/** See the file's head. */
export class World extends DriverWorld<UserBo> {
  constructor(options: DriverCreateOptions = {}) {
    super(radeonMn.create(options), () => new Recorder());
  }

  /** One whose pages are bound. */
  bound(start: number, end: number, cookie = 0) {
    return this.published(start, end, cookie);
  }

  get driver(): RadeonDriver {
    return this.notifier.driver as RadeonDriver;
  }
}
