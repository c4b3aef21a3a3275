/** A notifier with what tests say about it. */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { DriverWorld, Recorder } from '../../hlist-srcu/test/driver-world.ts';
import type { Gntdev } from '../src/gntdev.ts';
import { gntdev, type GrantMap } from '../src/index.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** See the file's head. */
export class World extends DriverWorld<GrantMap> {
  constructor(options: DriverCreateOptions = {}) {
    super(gntdev.create(options), () => new Recorder());
  }

  get gntdev(): Gntdev {
    return this.notifier.driver as Gntdev;
  }
}
