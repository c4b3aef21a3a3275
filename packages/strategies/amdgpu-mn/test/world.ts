/** A notifier with what tests say about it. */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { DriverWorld, Recorder, kindsOf } from '../../hlist-srcu/test/driver-world.ts';
import type { AmdgpuDriver } from '../src/driver.ts';
import { amdgpuMn, type Bo } from '../src/index.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** Every variant with every container. */
export const kinds = kindsOf(amdgpuMn.variants);

/** See the file's head. */
export class World extends DriverWorld<Bo> {
  constructor(options: DriverCreateOptions = {}) {
    super(amdgpuMn.create(options), () => new Recorder());
  }

  get driver(): AmdgpuDriver {
    return this.notifier.driver as AmdgpuDriver;
  }

  /** One that was validated once: from then on it is submitted. */
  validated(start: number, end: number, cookie = 0) {
    return this.published(start, end, cookie);
  }
}
