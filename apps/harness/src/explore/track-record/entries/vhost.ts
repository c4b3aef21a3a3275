/** Races of vhost's metadata acceleration. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const vhost: readonly Entry[] = [
  {
    id: 'VH-1',
    what: 'a section that ends where an area begins counts as hitting it',
    source: 'v5.3-rc1; review of August 2019',
    shown: {
      strategy: 'vhost',
      scenario: 'neighbour',
      shape: 'called for nothing',
      because: 'the section’s last byte lies before the area’s first',
      without: { strategy: 'vhost:fixed' },
    },
  },
  {
    id: 'VH-2',
    what: 'a section finds a map that another one has taken away but that is still in use, waits for nobody, and returns',
    source: 'v5.3-rc1; the part with pages marked dirty too early is in the package’s tests',
    shown: {
      strategy: 'vhost',
      scenario: 'use',
      shape: 'used when it had changed',
      because: 'the user was in its critical section from before the change until after it',
      without: { strategy: 'vhost:fixed' },
    },
    reason: 'the same code as the dirty pages, by our reading: what was in use is not waited for',
  },
  {
    id: 'VH-3',
    what: 'a change of addresses between start and end unregisters the callbacks: the end gets lost, and the count stays up',
    source: 'v5.3-rc1',
    shown: {
      strategy: 'vhost',
      scenario: 'fault-close',
      shape: 'starved',
      because:
        'the section had been ended when the fault began, and the fault was refused in each attempt; it takes the other area’s close in between',
      without: { strategy: 'vhost:fixed' },
    },
  },
  {
    id: 'VH-4',
    what: 'a section waits for the readers of all maps: whoever reads holds up the mm',
    source: 'v5.3-rc1; the reason for the revert',
    shown: {
      strategy: 'vhost',
      scenario: 'use-elsewhere',
      shape: 'hang: user (uses its map), invalidator (start)',
      because: 'the map in use is another virtqueue’s, and elsewhere',
      without: { strategy: 'vhost:fixed' },
    },
  },
  {
    id: 'VH-5',
    what: 'every start that may not wait is refused, wherever it is; the result of registering is not looked at',
    source: 'v5.3-rc1, found by syzbot',
    shown: {
      strategy: 'vhost',
      scenario: 'reap-elsewhere',
      shape: 'refused for nothing',
      because: 'nobody shadows what is reaped, and nobody else is on the list',
      without: { strategy: 'vhost:fixed' },
    },
    reason: 'this is the first part; the other is in the package’s tests',
  },
];
