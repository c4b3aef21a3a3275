import { createIntervalTree1dIndex } from '@mmu-notifier/index-interval-tree-1d';
import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import type { Bo } from './bo.ts';
import { AmdgpuDriver } from './driver.ts';

export { Bo } from './bo.ts';

const asOfV53 = driverTraits({
  name: 'amdgpu-mn',
  variant: 'v5.3',
  summary: 'amdgpu: an interval tree of merged nodes with lists of bos, over HMM’s valid flags',
  correct: false,
  filtersByRange: true,
  retryScope: 'subscription',
  subscribeWaits: true,
  knownRaces: [
    {
      id: 'AMD-1',
      what: 'whoever validates a new bo ignores that its pages became invalid while they were read: stale pages',
    },
    {
      id: 'AMD-2',
      what: 'a submission trusts HMM’s valid flag, which a section that has ended leaves as it was (HMM-1): stale pages',
    },
    {
      id: 'AMD-3',
      what: 'the worker of exit frees the nodes but leaves them in the tree, where a section that began before finds them',
    },
    {
      id: 'HMM-2',
      what: 'when another subscriber refuses a start the count of sections stays up: no submission ever succeeds again',
    },
    {
      id: 'HMM-4',
      what: 'getting pages waits until no section is open anywhere: overlapping sections elsewhere starve it',
    },
  ],
});

const fixed = driverTraits({
  ...asOfV53,
  variant: 'fixed',
  summary:
    'the same with a node and a collision-retry number for each bo, asked by everybody who maps',
  correct: true,
  knownRaces: [
    {
      id: 'HMM-4',
      what: 'getting pages that a section hit waits until no section is open anywhere, as with the interval notifier (U-10)',
    },
  ],
});

/**
 * amdgpu's buffer objects of user memory.
 *
 * Linux: drivers/gpu/drm/amd/amdgpu/amdgpu_mn.c, v5.3. Variant `fixed`: a node and a number for each bo as with the
 * interval notifiers of v5.5 (62914a99dee5, 81fa1af31b5d), on a list that pairs starts with ends (c2655835fd8c, v5.12).
 */
export const amdgpuMn: DriverStrategy<Bo> = defineDriverStrategy<Bo>({
  traits: [asOfV53, fixed],
  listVariants: { 'v5.3': 'v5.3', fixed: 'fixed' },
  createIndex: createIntervalTree1dIndex,
  createDriver: (mm, { variant, createIndex, defer }) =>
    new AmdgpuDriver(mm, { createIndex, defer, isFixed: variant === 'fixed' }),
});
