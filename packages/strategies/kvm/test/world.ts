/** A notifier with what tests say about it. */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { DriverWorld, Recorder } from '../../hlist-srcu/test/driver-world.ts';
import { kvm, type Memslot } from '../src/index.ts';
import type { Kvm } from '../src/kvm.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** See the file's head. */
export class World extends DriverWorld<Memslot> {
  constructor(options: DriverCreateOptions = {}) {
    super(kvm.create(options), () => new Recorder());
  }

  /** The virtual machine. */
  get kvm(): Kvm {
    return this.notifier.driver as Kvm;
  }
}
