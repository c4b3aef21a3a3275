/** A notifier with what tests say about it. */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { DriverWorld, Recorder, kindsOf } from '../../hlist-srcu/test/driver-world.ts';
import { umemOdp, type Umem } from '../src/index.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** Every variant with every container. */
export const kinds = kindsOf(umemOdp.variants);

/** See the file's head. */
export class World extends DriverWorld<Umem> {
  constructor(options: DriverCreateOptions = {}) {
    super(umemOdp.create(options), () => new Recorder());
  }
}
