/** A notifier with what tests say about it. */
import assert from 'node:assert/strict';
import { HmmRanges, type DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { DriverWorld, Recorder } from '../../hlist-srcu/test/driver-world.ts';
import type { HmmDriver } from '../src/driver.ts';
import type { Hmm } from '../src/hmm.ts';
import { hmm, type Mirror } from '../src/index.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** See the file's head. */
export class World extends DriverWorld<Mirror> {
  constructor(options: DriverCreateOptions = {}) {
    super(hmm.create(options), () => new Recorder());
  }

  /** The struct hmm, of which there is one while there are mirrors. */
  get hmm(): Hmm | undefined {
    return (this.notifier.driver as HmmDriver).hmm;
  }

  /** Its ranges, in v5.3. */
  get ranges(): HmmRanges {
    const collisions = this.hmm?.collisions;
    assert.ok(collisions instanceof HmmRanges, 'expected ranges, got none');
    return collisions;
  }
}
