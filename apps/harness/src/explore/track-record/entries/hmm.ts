/** Races of hmm, and of nouveau on top of it. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const hmm: readonly Entry[] = [
  {
    id: 'HMM-1',
    what: 'a section that begins and ends between a fault’s read and its look at the valid flag leaves the flag as it was',
    source: 'text of patch 03 of the series that made the unified notifier',
    shown: {
      strategy: 'hmm',
      scenario: 'fault',
      shape: 'stale before-after',
      because:
        'the flag was true before the section and is true after it; with numbers in its place, which differ, the fault is refused',
      without: { strategy: 'hmm:fixed' },
    },
  },
  {
    id: 'HMM-2',
    what: 'another subscriber refuses a start, and no range ever becomes valid again',
    source: 'L-2 as hmm sees it',
    shown: {
      strategy: 'hmm',
      scenario: 'refused-fault',
      shape: 'starved',
      evidence: ['is refused'],
      because:
        'the only start was refused before the fault began, and the fault was refused in each of its attempts, after its waits had timed out',
      without: { strategy: 'hmm:fixed' },
    },
  },
  {
    id: 'HMM-3',
    what: 'a callback finds the struct hmm whose last reference is being put',
    source: 'series of 2019',
    reason: 'nothing is freed under a callback here; v5.3 has the last of its fixes',
  },
  {
    id: 'HMM-4',
    what: 'a fault waits until no section is open anywhere: sections elsewhere starve it',
    source: 'same scheme as U-10',
    shown: {
      strategy: 'hmm',
      scenario: 'elsewhere',
      shape: 'starved',
      because: 'the only section is elsewhere, and stays open for as long as the fault takes',
      without: { strategy: 'hmm:fixed' },
    },
    reason: 'a fault in what a section did hit waits in `fixed` too: U-10',
  },
  {
    id: 'NV-1',
    what: 'a fault whose wait timed out leaves its range on the list, and the range lay on its stack',
    source: 'nouveau_svm.c, v5.3',
    shown: {
      strategy: 'hmm',
      scenario: 'fault-leave',
      shape: 'left behind',
      because: 'the device has gone, and a range that its fault registered is still on the list',
      without: { strategy: 'hmm:fixed' },
    },
  },
  {
    id: 'NV-2',
    what: 'nouveau’s callback invalidates too much below the hole in its addresses',
    source: 'nouveau_svm.c, our reading',
    reason: 'the hole is the device’s, and what is torn down is too much, never too little',
  },
  {
    id: 'NV-3',
    what: 'nouveau installs by the valid flag alone',
    source: 'nouveau_svm.c, v5.3',
    reason: 'it is HMM-1: the order of steps shown there is nouveau’s',
  },
];
