/** Races of radeon-mn. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const radeonMn: readonly Entry[] = [
  {
    id: 'RAD-1',
    what: 'a bo that is not bound yet is skipped by a start, and bound afterwards with the pages of before',
    source: 'radeon_mn.c, v5.3; converted by 534e5f84b7aa (v5.5)',
    shown: {
      strategy: 'radeon-mn',
      scenario: 'fault',
      shape: 'stale before-after',
      because:
        'the pages were read before the section, which was over when they were bound: there is no number to compare',
      without: { strategy: 'radeon-mn:fixed' },
    },
  },
  {
    id: 'RAD-2',
    what: 'what is read after a start and before the change is bound: a start has no end that could tell',
    source: 'radeon_mn.c, v5.3',
    shown: {
      strategy: 'radeon-mn',
      scenario: 'fault',
      shape: 'stale in-in',
      because: 'the fault began and bound inside of the section',
      without: { strategy: 'radeon-mn:fixed' },
    },
  },
  {
    id: 'RAD-3',
    what: 'a section waits for a reservation with rmn->lock held, and who holds the reservation changes memory elsewhere: deadlock',
    source: 'radeon_mn.c, v5.3; our reading, without a report',
    shown: {
      strategy: 'radeon-mn',
      scenario: 'raise-within',
      shape: 'hang: invalidator (start), reader (changes memory elsewhere)',
      because:
        'the two sections are of different pages; the second one waits for the lock that the first one holds',
      without: { strategy: 'radeon-mn:fixed' },
    },
  },
  {
    id: 'RAD-4',
    what: 'the worker of exit erases nodes of a tree while it walks it, and may pass over one whose bo then uses what was freed',
    source: 'radeon_mn.c, v5.3; our reading, without a report',
    reason: 'no container here is that rb tree, and nothing is freed',
  },
];
