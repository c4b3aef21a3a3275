import { createIntervalTree1dIndex } from '@mmu-notifier/index-interval-tree-1d';
import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import { UmemOdpDriver } from './driver.ts';
import type { Umem } from './umem.ts';

export { Umem } from './umem.ts';

const asOfV53 = driverTraits({
  name: 'umem-odp',
  variant: 'v5.3',
  summary:
    'RDMA: an interval tree under a semaphore held from start to end, count and seq for each region',
  correct: true,
  filtersByRange: true,
  retryScope: 'subscription',
  subscribeWaits: true,
  knownRaces: [
    {
      id: 'ODP-1',
      what: 'a section that starts inside another one while a region is registered or deregistered waits for itself: deadlock',
    },
    {
      id: 'ODP-2',
      what: 'when another subscriber refuses a start the semaphore stays held: registering and deregistering hang for ever',
    },
    {
      id: 'ODP-3',
      what: 'a region is in the tree before the driver around it is set up, and until after it is taken down: the driver misses what is invalidated then',
    },
    {
      id: 'ODP-4',
      what: 'an older entry of the hardware table for an implicit region may be posted after a newer one, which masks a valid child',
    },
    {
      id: 'ODP-5',
      what: 'a section whose end never comes, since the address space was released after its start, leaves the semaphore held: deregistering hangs for ever',
    },
    {
      id: 'ODP-6',
      what: 'prefetch work runs beside the end of its region; until v5.2 a refused start also kept the semaphore',
    },
  ],
});

const fixed = driverTraits({
  ...asOfV53,
  variant: 'fixed',
  summary:
    'the same with sections counted instead of the semaphore held, as the interval notifier does',
  knownRaces: [],
});

/**
 * On-demand paging of RDMA memory regions.
 *
 * Linux: drivers/infiniband/core/umem_odp.c and drivers/infiniband/hw/mlx5/odp.c, v5.3. Variant `fixed`: the tree changes
 * as in the interval notifier that took its place (f25a546e6529, v5.5), on a list that pairs starts with ends
 * (c2655835fd8c, v5.12).
 */
export const umemOdp: DriverStrategy<Umem> = defineDriverStrategy<Umem>({
  traits: [asOfV53, fixed],
  listVariants: { 'v5.3': 'v5.3', fixed: 'fixed' },
  createIndex: createIntervalTree1dIndex,
  createDriver: (mm, { variant, createIndex }) =>
    new UmemOdpDriver(mm, { createIndex, holdsSemaphore: variant === 'v5.3' }),
});
