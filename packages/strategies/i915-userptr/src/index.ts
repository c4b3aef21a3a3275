import { createIntervalTree1dIndex } from '@mmu-notifier/index-interval-tree-1d';
import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import { UserptrDriver } from './driver.ts';
import type { UserptrObject } from './object.ts';

export type { UserptrObject } from './object.ts';

const asOfV53 = driverTraits({
  name: 'i915-userptr',
  variant: 'v5.3',
  summary:
    'i915: an interval tree of the objects that hold pages; a section cancels what it finds there',
  correct: false,
  filtersByRange: true,
  retryScope: 'subscription',
  subscribeWaits: true,
  knownRaces: [
    {
      id: 'I915-1',
      what: 'an object that holds no pages is not in the tree, so a section between its look at the pages and its entry is missed: stale pages',
    },
    {
      id: 'I915-2',
      what: 'sections have no end, so a worker that begins between a start and the change accepts the old pages',
    },
    {
      id: 'I915-3',
      what: 'a start searches again after each object, for ever if objects get pages as fast as it takes them',
    },
    {
      id: 'I915-4',
      what: 'a start of a task that is being killed gives up where it would wait for struct_mutex, and the range changes all the same: stale pages',
    },
    {
      id: 'I915-5',
      what: 'giving up pages took the page lock to mark them dirty, which reclaim holds when it calls: deadlock',
    },
    {
      id: 'I915-6',
      what: 'an object’s own mapping may lie over the memory of another, so giving up one starts a section inside the callback',
    },
  ],
});

const fixed = driverTraits({
  ...asOfV53,
  variant: 'fixed',
  summary: 'the same with all objects in the tree and a collision-retry sequence beside it',
  correct: true,
  knownRaces: [],
});

/**
 * i915's userptr objects.
 *
 * Linux: drivers/gpu/drm/i915/gem/i915_gem_userptr.c, v5.3. Variant `fixed`: the driver with what it got from the
 * interval notifier in its place (ed29c2691188, v5.13), on a list that pairs starts with ends (c2655835fd8c, v5.12).
 */
export const i915Userptr: DriverStrategy<UserptrObject> = defineDriverStrategy<UserptrObject>({
  traits: [asOfV53, fixed],
  listVariants: { 'v5.3': 'v5.3', fixed: 'fixed' },
  createIndex: createIntervalTree1dIndex,
  createDriver: (mm, { variant, ...settings }) =>
    new UserptrDriver(mm, { ...settings, isSequenced: variant === 'fixed' }),
});
