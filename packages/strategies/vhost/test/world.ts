/** A notifier with what tests say about it. */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { DriverWorld, Recorder as CommonRecorder } from '../../hlist-srcu/test/driver-world.ts';
import { vhost, type Area, type AreaOps } from '../src/index.ts';
import type { Vhost } from '../src/vhost.ts';
import type { Virtqueue } from '../src/virtqueue.ts';

export * from '../../hlist-srcu/test/driver-world.ts';

/** Remembers its callbacks, and times that the pages were marked dirty. */
export class Recorder extends CommonRecorder implements AreaOps {
  dirtied = 0;

  setPageDirty(): void {
    this.dirtied++;
  }
}

/** See the file's head. */
export class World extends DriverWorld<Area, Recorder> {
  constructor(options: DriverCreateOptions = {}) {
    super(vhost.create(options), () => new Recorder());
  }

  /** The first virtqueue: the first three areas. */
  get virtqueue(): Virtqueue {
    return (this.notifier.driver as Vhost).virtqueues[0]!;
  }
}
