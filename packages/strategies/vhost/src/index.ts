import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import type { Area } from './area.ts';
import { VhostFixed } from './vhost-fixed.ts';
import { VhostAsOfV53 } from './vhost-v53.ts';

export { Area, type AreaOps } from './area.ts';

const asOfV53 = driverTraits({
  name: 'vhost',
  variant: 'v5.3',
  summary:
    'vhost (v5.3-rc1): three areas and a count for each virtqueue, registered anew when one changes',
  correct: false,
  filtersByRange: true,
  retryScope: 'address-space',
  subscribeWaits: true,
  knownRaces: [
    {
      id: 'VH-1',
      what: 'a section that ends where an area begins counts as hitting it: its map is torn down for nothing',
    },
    {
      id: 'VH-2',
      what: 'pages are marked dirty while the map is still in use: a page that is cleaned then loses what is written after',
    },
    {
      id: 'VH-3',
      what: 'a change of addresses unregisters the callbacks: ends get lost and leave counts up for ever, and other areas keep maps that nobody tears down',
    },
    {
      id: 'VH-4',
      what: 'every section that finds a map waits for all readers of all maps: whoever reads holds up the mm',
    },
    {
      id: 'VH-5',
      what: 'an interrupted registration goes unnoticed, and the area is never told of anything; every non-blockable start is refused, wherever it is',
    },
  ],
});

const fixed = driverTraits({
  ...asOfV53,
  variant: 'fixed',
  summary:
    'the same with the fixes proposed in August 2019, and ends that lower what their starts raised',
  correct: true,
  subscribeWaits: false,
  knownRaces: [],
});

/**
 * vhost's metadata acceleration.
 *
 * Linux: drivers/vhost/vhost.c, v5.3-rc1 (7f466032dc9e), reverted before v5.3. Variant `fixed`: 20190809054851.20118
 * (v5 of "Fixes for vhost metadata acceleration", August 2019, never merged) and what it lacks, on a list that pairs
 * starts with ends (c2655835fd8c, v5.12).
 */
export const vhost: DriverStrategy<Area> = defineDriverStrategy<Area>({
  traits: [asOfV53, fixed],
  listVariants: { 'v5.3': 'v5.3', fixed: 'fixed' },
  createDriver: (mm, { variant }) =>
    variant === 'v5.3' ? new VhostAsOfV53(mm) : new VhostFixed(mm),
});
