/** Races of umem-odp. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const umemOdp: readonly Entry[] = [
  {
    id: 'ODP-1',
    what: 'a section that starts inside another one waits for a deregistration, which waits for the outer one: deadlock',
    source: 'text of patch 05 of the series that made the unified notifier',
    shown: {
      strategy: 'umem-odp',
      scenario: 'nested-close',
      shape: 'hang: invalidator (start), closer (closes)',
      because:
        'the invalidator’s last step is its second start, inside its own section, with the closer between the two',
      without: { strategy: 'umem-odp:fixed' },
    },
  },
  {
    id: 'ODP-2',
    what: 'another subscriber refuses a start, and the semaphore stays held: deregistering hangs',
    source: 'L-2 as umem_odp sees it',
    shown: {
      strategy: 'umem-odp',
      scenario: 'refused-elsewhere',
      shape: 'hang: closer (closes)',
      evidence: ['is refused'],
      because:
        'the refused start hit no region, so the driver had accepted it and held the semaphore; nothing else is open',
      without: { strategy: 'umem-odp:fixed' },
    },
  },
  {
    id: 'ODP-3',
    what: 'a region is in the tree before the driver around it is set up',
    source: 'b70d785d237c (v5.4)',
    reason:
      'what stands around the region is the subscriber’s, which has it in hand only when it is in the tree',
  },
  {
    id: 'ODP-4',
    what: 'an older entry of an implicit region’s hardware table is posted after a newer one',
    source: 'fixes for v5.4 by Gunthorpe, October 2019',
    reason: 'implicit regions and the hardware’s queue are not modelled',
  },
  {
    id: 'ODP-5',
    what: 'an end never comes, since the address space was released after the start: deregistering hangs',
    source: 'the driver’s own comment for unregistering; for exit our reading',
    shown: {
      strategy: 'umem-odp',
      scenario: 'exit-close',
      shape: 'hang: closer (closes)',
      because:
        'all sections were ended; the list told nobody of the end that came after the release',
      without: { strategy: 'umem-odp:fixed' },
    },
  },
  {
    id: 'ODP-6',
    what: 'a refused start kept the semaphore; prefetch work beside the end of its region',
    source: '7608bf40cf24 (v5.2) and others',
    reason:
      'the first was mended before v5.3 and a test of the package keeps it so; the others are life cycles of freed memory',
  },
];
