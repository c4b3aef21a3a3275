/** What the explorer found in the models and has no id elsewhere. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const foundHere: readonly Entry[] = [
  {
    id: 'MODEL-1',
    what: 'in hmm a section that ends where a range begins counts as hitting it: its fault is refused for nothing',
    source: 'the model of mm/hmm.c, v5.3',
    shown: {
      strategy: 'hmm',
      scenario: 'neighbour',
      shape: 'starved',
      because: 'the only section ends where the page begins; vhost has the same as VH-1',
      without: { strategy: 'hmm:fixed' },
    },
  },
  {
    id: 'MODEL-2',
    what: 'i915’s userptr has no release operation: pages stay in use from the release until the section that exit raises after it',
    source: 'the model of i915_gem_userptr.c, v5.3',
    shown: {
      strategy: 'i915-userptr',
      scenario: 'exit-partner',
      shape: 'held after the end',
      because:
        'the release has returned; the section over everything comes next and tears down. radeon, whose release only queues work, has the same',
      without: { strategy: 'i915-userptr:fixed' },
    },
  },
  {
    id: 'MODEL-3',
    what: 'in amdgpu a submission that changes memory anywhere waits for amn->lock, which it holds: deadlock',
    source: 'the model of amdgpu_mn.c, v5.3, and its repaired variant',
    shown: {
      strategy: 'amdgpu-mn',
      scenario: 'raise-within',
      shape: 'hang: reader (changes memory elsewhere)',
      because:
        'nobody else does anything at that time: the section that it raises waits for a lock that it holds for write itself',
      without:
        'nobody: the repaired variant keeps that lock, since everybody who submits must hold it; do not reclaim under it',
    },
  },
];
