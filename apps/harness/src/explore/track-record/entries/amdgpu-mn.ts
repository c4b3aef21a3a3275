/** Races of amdgpu-mn. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const amdgpuMn: readonly Entry[] = [
  {
    id: 'AMD-1',
    what: 'who validates a new bo ignores that its pages became invalid while they were read: stale pages stay mapped',
    source: 'Gunthorpe: the driver “does not use the collision retry lock correctly”',
    shown: {
      strategy: 'amdgpu-mn',
      scenario: 'fault',
      shape: 'stale before-in',
      because:
        'it was mapped inside of the section, while the flag said invalid. A bo that was mapped before is never mapped so: `held` fails in the shape of AMD-2 only',
      without: { strategy: 'amdgpu-mn:fixed' },
    },
  },
  {
    id: 'AMD-2',
    what: 'a submission trusts the valid flag, which a section that has ended leaves as it was',
    source: 'HMM-1 as amdgpu sees it',
    shown: {
      strategy: 'amdgpu-mn',
      scenario: 'held',
      shape: 'stale before-after',
      because:
        'the bo had been mapped before, so this is a submission, which asks the flag; the whole section passed before it did',
      without: { strategy: 'amdgpu-mn:fixed' },
    },
  },
  {
    id: 'AMD-3',
    what: 'the worker of exit frees nodes and leaves them in the tree: a section that had begun before walks them',
    source: 'amdgpu_mn.c, v5.3; our reading, without a report',
    shown: {
      strategy: 'amdgpu-mn',
      scenario: 'exit-nodes',
      shape: 'a freed node is found',
      because: 'the package counts the freed nodes that a section comes by; nothing is freed here',
      without: { strategy: 'amdgpu-mn:fixed' },
    },
  },
];
