/** Races of hfi1-mmu-rb. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const hfi1MmuRb: readonly Entry[] = [
  {
    id: 'HFI-1',
    what: 'a section between the pinning of pages and the insertion of their buffer finds nothing, and no later one comes',
    source: 'b3deec25847b (v6.2)',
    shown: {
      strategy: 'hfi1-mmu-rb',
      scenario: 'fault',
      shape: 'stale before-after',
      because:
        'the pages were read before the section, and the buffer was inserted after its end: nobody was called',
      without: { strategy: 'hfi1-mmu-rb:fixed' },
    },
  },
  {
    id: 'HFI-2',
    what: 'a section leaves a buffer in the cache whose packets are on their way: later requests are served from its old pages',
    source: 'c9358de193ec (v6.4)',
    shown: {
      strategy: 'hfi1-mmu-rb:v5.3-sdma',
      scenario: 'held',
      shape: 'stale before-before',
      because:
        'the buffer was in the cache when the section started, and was kept: its packet had not arrived',
      without: { strategy: 'hfi1-mmu-rb:fixed-sdma' },
    },
  },
  {
    id: 'HFI-3',
    what: 'closing the file touches the address space after it was freed',
    source: '2bbac98d0930 (2022)',
    reason: 'nothing is freed under anybody here',
  },
  {
    id: 'HFI-4',
    what: 'a section only tells the library: until that frees the entry, the hardware writes into the old pages',
    source: 'by design of v5.3; the hardware is told at once since v6.2',
    shown: {
      strategy: 'hfi1-mmu-rb',
      scenario: 'held',
      shape: 'stale before-before',
      because:
        'the entry was there when the section started; the library, which is deferred work, has not come yet',
      without: { strategy: 'hfi1-mmu-rb:fixed' },
    },
  },
];
