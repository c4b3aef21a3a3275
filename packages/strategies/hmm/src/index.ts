import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import { Marks, ValidFlags } from './collisions.ts';
import { HmmDriver } from './driver.ts';
import type { Mirror } from './mirror.ts';

export { Mirror } from './mirror.ts';

const asOfV53 = driverTraits({
  name: 'hmm',
  variant: 'v5.3',
  summary: 'HMM: a list of mirrors, each called for every section, and ranges with a valid flag',
  correct: false,
  filtersByRange: false,
  retryScope: 'subscription',
  subscribeWaits: true,
  knownRaces: [
    {
      id: 'HMM-1',
      what: 'a section that starts and ends between a fault’s read and its look at the valid flag leaves no trace: the fault installs what it read before',
    },
    {
      id: 'HMM-2',
      what: 'when another subscriber refuses a start the count of sections stays up: no fault ever succeeds again',
    },
    {
      id: 'HMM-3',
      what: 'a callback may still find the struct hmm whose last reference is being put',
    },
    {
      id: 'HMM-4',
      what: 'a fault waits until no section is open anywhere: overlapping sections elsewhere starve it',
    },
    {
      id: 'NV-1',
      what: 'nouveau’s fault whose wait timed out leaves its range registered: sections write to it for ever',
    },
    {
      id: 'NV-2',
      what: 'nouveau’s callback invalidates up to the end of the hole that it should leave out, instead of up to its start',
    },
    { id: 'NV-3', what: 'nouveau trusts the valid flag: HMM-1' },
  ],
});

const fixed = driverTraits({
  ...asOfV53,
  variant: 'fixed',
  summary: 'the same mirrors, with collision-retry numbers instead of valid flags, as of v5.5',
  correct: true,
  knownRaces: [
    {
      id: 'HMM-4',
      what: 'a fault in what a section hit waits until no section is open anywhere, as with the interval notifier (U-10)',
    },
  ],
});

/**
 * Heterogeneous memory management: the helper for drivers that mirror an address space.
 *
 * Linux: mm/hmm.c, v5.3, with the faults of drivers/gpu/drm/nouveau/nouveau_svm.c. Variant `fixed`: faults notice
 * collisions as in v5.5 (04ec32fbc2b2), on a list that pairs starts with ends (c2655835fd8c, v5.12).
 */
export const hmm: DriverStrategy<Mirror> = defineDriverStrategy<Mirror>({
  traits: [asOfV53, fixed],
  listVariants: { 'v5.3': 'v5.3', fixed: 'fixed' },
  createDriver: (mm, { variant }) =>
    new HmmDriver(mm, (region, index) =>
      variant === 'v5.3' ? new ValidFlags(region, index) : new Marks(region, index),
    ),
});
