/** Races of scif-dma. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const scifDma: readonly Entry[] = [
  {
    id: 'SCIF-1',
    what: 'a section between the pinning of pages and the insertion of their window finds nothing: later copies use the old pages',
    source: 'scif_dma.c, v5.3; the driver is gone since v5.10',
    shown: {
      strategy: 'scif-dma:cached',
      scenario: 'fault',
      shape: 'stale before-after',
      because:
        'the pages were read before the section, and the window was inserted after its end: nobody was called',
      without: { strategy: 'scif-dma:fixed' },
    },
  },
  {
    id: 'SCIF-2',
    what: 'an inverted condition keeps small windows out of the list: no section finds them',
    source: 'scif_dma.c, v5.3; our reading, without a report',
    shown: {
      strategy: 'scif-dma',
      scenario: 'held',
      shape: 'stale before-before',
      apart: 'scif-dma:cached',
      because:
        'the window was there when the section started, and nobody was called; it is as small as a page',
      without: { strategy: 'scif-dma:fixed' },
    },
  },
  {
    id: 'SCIF-3',
    what: 'a window that touches another one takes its place and begins too far right: sections miss it',
    source: 'scif_dma.c, v5.3; our reading, without a report',
    shown: {
      strategy: 'scif-dma:cached',
      scenario: 'neighbours',
      shape: 'stale before-before',
      because:
        'the left window was there when the section started, and nobody was called; alone, in `held`, it is never missed so',
      without: { strategy: 'scif-dma:fixed' },
    },
  },
  {
    id: 'SCIF-4',
    what: 'a list is walked under one lock and changed under another',
    source: 'scif_dma.c, v5.3; our reading, without a report',
    reason: 'a race of two processors on links, where here each change is one step of one thread',
  },
  {
    id: 'SCIF-5',
    what: 'a copy uses its notifier after giving back the lock under which it is freed',
    source: 'scif_dma.c, v5.3; our reading, without a report',
    reason: 'nothing is freed under anybody here',
  },
];
