import { createIntervalTree1dIndex } from '@mmu-notifier/index-interval-tree-1d';
import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import { RadeonDriver } from './driver.ts';
import type { UserBo } from './user-bo.ts';

export type { UserBo } from './user-bo.ts';

const asOfV53 = driverTraits({
  name: 'radeon-mn',
  variant: 'v5.3',
  summary:
    'radeon: an interval tree of merged nodes with lists of bos; who reads pages is not noticed',
  correct: false,
  filtersByRange: false,
  retryScope: 'subscription',
  subscribeWaits: true,
  knownRaces: [
    {
      id: 'RAD-1',
      what: 'a section skips a bo that is not bound, though its pages have been read already and are bound after: stale pages',
    },
    {
      id: 'RAD-2',
      what: 'sections have no end, so pages that are read between a start and the change are bound: stale pages',
    },
    {
      id: 'RAD-3',
      what: 'a start waits for reservations with the lock held that every other start takes: deadlock with whoever faults with a reservation held',
    },
    {
      id: 'RAD-4',
      what: 'the worker of exit erases a tree while it walks it, and may pass over a bo, which uses the freed notifier when it goes',
    },
  ],
});

const fixed = driverTraits({
  ...asOfV53,
  variant: 'fixed',
  summary:
    'the same with a node for each bo, no lock while unbinding, and a collision-retry sequence',
  correct: true,
  filtersByRange: true,
  knownRaces: [],
});

/**
 * radeon's buffer objects of user memory.
 *
 * Linux: drivers/gpu/drm/radeon/radeon_mn.c, v5.3. Variant `fixed`: a node for each bo as in v5.5, and what drivers
 * are told to ask the interval notifier, on a list that pairs starts with ends (c2655835fd8c, v5.12).
 */
export const radeonMn: DriverStrategy<UserBo> = defineDriverStrategy<UserBo>({
  traits: [asOfV53, fixed],
  listVariants: { 'v5.3': 'v5.3', fixed: 'fixed' },
  createIndex: createIntervalTree1dIndex,
  createDriver: (mm, { variant, createIndex, defer }) =>
    new RadeonDriver(mm, { createIndex, defer, isSequenced: variant === 'fixed' }),
});
