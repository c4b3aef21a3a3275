/** Races of gntdev. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const gntdev: readonly Entry[] = [
  {
    id: 'GNT-1',
    what: 'a section waits until nobody uses the pages, and i915 leaves them in the same section, after gntdev: deadlock',
    source: 'Qubes #7481; dbe97cff7dd9 (v5.19)',
    shown: {
      strategy: 'gntdev',
      scenario: 'use-beside',
      shape: 'hang: invalidator (start)',
      because:
        'nobody else does anything: the start waits for a callback of its own section, of i915-userptr on the same list',
      without: { strategy: 'gntdev:fixed' },
    },
  },
  {
    id: 'GNT-2',
    what: 'mmap sets the VMA and maps the grants later: a section in between finds nothing to unmap',
    source: 'gntdev.c, v5.3; our reading, without a report',
    shown: {
      strategy: 'gntdev',
      scenario: 'fault',
      shape: 'stale before-after',
      because: 'the whole section passed between the reading and the mapping',
      without: { strategy: 'gntdev:fixed' },
    },
    reason: 'in Linux only sections without the mmap lock can come in between',
  },
  {
    id: 'GNT-3',
    what: 'munmap of a part splits the VMA, and the map’s pointer describes the other part: what goes is not unmapped',
    source: 'gntdev.c, v5.3; splitting was forbidden later',
    shown: {
      strategy: 'gntdev',
      scenario: 'partial',
      shape: 'stale before-before',
      because:
        'the map was there when the second section started, and was not unmapped; the first one had cut its VMA. Whole, in `held`, it is never missed so',
      without: { strategy: 'gntdev:fixed' },
    },
  },
];
