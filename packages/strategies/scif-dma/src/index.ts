import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import type { CopyBuffer } from './copy-buffer.ts';
import { Endpoint } from './endpoint.ts';

export { CopyBuffer } from './copy-buffer.ts';

const asOfV53 = driverTraits({
  name: 'scif-dma',
  variant: 'v5.3',
  summary: 'SCIF: a sorted list of windows of pinned pages, cached between copies',
  correct: false,
  filtersByRange: true,
  retryScope: 'none',
  subscribeWaits: false,
  knownRaces: [
    {
      id: 'SCIF-1',
      what: 'a section between the pinning of pages and the insertion of their window finds nothing: later copies go through the old pages',
    },
    {
      id: 'SCIF-2',
      what: 'by an inverted condition windows are cached only if they are too large: the others are in no list, and no section finds them while they are used',
    },
    {
      id: 'SCIF-3',
      what: 'a window that takes the place of a smaller one spans the wrong pages, so that sections miss what was copied',
    },
    {
      id: 'SCIF-4',
      what: 'the list of notifiers is walked under one lock and changed under another: it may be corrupted',
    },
    {
      id: 'SCIF-5',
      what: 'a copy uses its notifier after giving back the lock under which the clean-up frees it',
    },
  ],
});

const fixed = driverTraits({
  ...asOfV53,
  variant: 'fixed',
  summary:
    'the same with a window for each buffer, in the list all the time, and a collision sequence',
  correct: true,
  retryScope: 'subscription',
  knownRaces: [],
});

const cached = driverTraits({
  ...asOfV53,
  variant: 'cached',
  summary:
    'as of v5.3, but with the condition as it was meant: windows are cached if there is room',
  knownRaces: asOfV53.knownRaces.filter(({ id }) => id !== 'SCIF-2'),
});

/**
 * The DMA of Intel's Symmetric Communications Interface, with its registration cache.
 *
 * Linux: drivers/misc/mic/scif/scif_dma.c and scif_rma_list.c, v5.3. The variants are ours: upstream removed the driver in
 * v5.10 with its defects. `fixed` is on a list that pairs starts with ends (c2655835fd8c, v5.12).
 */
export const scifDma: DriverStrategy<CopyBuffer> = defineDriverStrategy<CopyBuffer>({
  traits: [asOfV53, fixed, cached],
  listVariants: { 'v5.3': 'v5.3', fixed: 'fixed', cached: 'v5.3' },
  createDriver: (mm, { variant, defer }) =>
    new Endpoint(mm, { defer, isCacheRight: variant !== 'v5.3', isFixed: variant === 'fixed' }),
});
