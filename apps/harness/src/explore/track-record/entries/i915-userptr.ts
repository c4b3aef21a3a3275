/** Races of i915-userptr. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const i915Userptr: readonly Entry[] = [
  {
    id: 'I915-1',
    what: 'the look at the pages comes before the entry in the tree: a section in between is missed',
    source: 'i915_gem_userptr.c, v5.3; converted by ed29c2691188 (v5.13)',
    shown: {
      strategy: 'i915-userptr',
      scenario: 'fault',
      shape: 'stale before-after',
      because:
        'the pages were read before the section, and the object was inserted after its end: nobody was called',
      without: { strategy: 'i915-userptr:fixed' },
    },
  },
  {
    id: 'I915-2',
    what: 'a worker that begins after a start and before the change gets the old pages, and is accepted',
    source: 'i915_gem_userptr.c, v5.3; converted by ed29c2691188 (v5.13)',
    shown: {
      strategy: 'i915-userptr',
      scenario: 'held',
      shape: 'stale in-in',
      because:
        'the start took the object away and had returned; the fault began and ended inside of the section, which has no end that could tell',
      without: { strategy: 'i915-userptr:fixed' },
    },
  },
  {
    id: 'I915-3',
    what: 'a start searches again after each object, and finds again what got pages meanwhile: no bound',
    source: 'i915_gem_userptr.c, v5.3, whose comment says so',
    shown: {
      strategy: 'i915-userptr',
      scenario: 'sleep-beside',
      shape: 'called again',
      because:
        'one section called the device twice, since it had faulted again while another device’s callback slept; nothing bounds how often',
      without: { strategy: 'i915-userptr:fixed' },
    },
  },
  {
    id: 'I915-4',
    what: 'a task that is being killed does not wait for struct_mutex: its start gives up, and the range changes all the same',
    source: 'i915_gem_userptr.c, v5.3; v5.4 warns',
    shown: {
      strategy: 'i915-userptr',
      scenario: 'killed',
      shape: 'stale before-before',
      because:
        'the object was in the tree when the start came; a sleeping callback elsewhere held struct_mutex',
      without: { strategy: 'i915-userptr:fixed' },
    },
  },
  {
    id: 'I915-5',
    what: 'giving up pages took the page lock, which reclaim holds when it calls: deadlock',
    source: 'cb6d7c7dc7ff, reverted by 505a8ec7e11a',
    reason: 'pages have no lock here',
  },
  {
    id: 'I915-6',
    what: 'an object’s own mapping may lie over the memory of another: giving one up raises a section inside of the callback',
    source: 'IGT’s map-fixed-invalidate tests',
    reason: 'the driver copes, and a test of the package shows it',
  },
];
