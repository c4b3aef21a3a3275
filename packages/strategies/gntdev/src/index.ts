import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import { GntdevFixed } from './gntdev-fixed.ts';
import { GntdevAsOfV53 } from './gntdev-v53.ts';
import type { GrantMap } from './grant-map.ts';

export { GrantMap } from './grant-map.ts';

const asOfV53 = driverTraits({
  name: 'gntdev',
  variant: 'v5.3',
  summary: 'Xen grants: two lists of maps under one mutex, no way to notice a collision',
  correct: false,
  filtersByRange: true,
  retryScope: 'none',
  subscribeWaits: false,
  knownRaces: [
    {
      id: 'GNT-1',
      what: 'a section waits until nobody else uses the pages: deadlock with whoever leaves them in the same section, after it',
    },
    {
      id: 'GNT-2',
      what: 'grants are mapped after the lock was given back: a section in between is missed, and old pages are mapped',
    },
    {
      id: 'GNT-3',
      what: 'munmap of a part splits the VMA: neither the part that goes nor, later, the part that stays is unmapped',
    },
  ],
});

const fixed = driverTraits({
  ...asOfV53,
  variant: 'fixed',
  summary:
    'the same with a collision-retry sequence, maps that know where they lie, and unmapping that nobody waits for',
  correct: true,
  retryScope: 'subscription',
  knownRaces: [],
});

/**
 * Xen's user-space grant device.
 *
 * Linux: drivers/xen/gntdev.c, v5.3. Variant `fixed`: d3eeb1d77c5d (v5.5), as far as collisions go, dbe97cff7dd9
 * (v5.19) and 5c13a4a0291b (v6.1), on a list that pairs starts with ends (c2655835fd8c, v5.12).
 */
export const gntdev: DriverStrategy<GrantMap> = defineDriverStrategy<GrantMap>({
  traits: [asOfV53, fixed],
  listVariants: { 'v5.3': 'v5.3', fixed: 'fixed' },
  createDriver: (mm, { variant }) =>
    variant === 'v5.3' ? new GntdevAsOfV53(mm) : new GntdevFixed(mm),
});
