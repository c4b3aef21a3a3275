import { createIntervalTree1dIndex } from '@mmu-notifier/index-interval-tree-1d';
import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import { MmuRb } from './mmu-rb.ts';
import type { UserBuffer } from './user-buffer.ts';

export { UserBuffer } from './user-buffer.ts';

const lostInvalidate = {
  id: 'HFI-1',
  what: 'a section between the pinning of pages and the insertion of their buffer finds nothing: the hardware keeps the old pages, and no later section comes',
};
const staleCacheHit = {
  id: 'HFI-2',
  what: 'a section leaves a buffer in the cache whose packets are on their way: later requests are served from its old pages',
};
const mmUseAfterFree = {
  id: 'HFI-3',
  what: 'closing the file may touch the address space after it was freed',
};
const unboundedPin = {
  id: 'HFI-4',
  what: 'a section only tells the library, by design: until that frees the entry, the hardware writes into the old pages',
};

const expectedReceive = driverTraits({
  name: 'hfi1-mmu-rb',
  variant: 'v5.3',
  summary:
    'Omni-Path expected receive: an interval tree of pinned buffers, and the library told to free them',
  correct: false,
  filtersByRange: true,
  retryScope: 'none',
  subscribeWaits: false,
  knownRaces: [lostInvalidate, mmUseAfterFree, unboundedPin],
});

const expectedReceiveFixed = driverTraits({
  ...expectedReceive,
  variant: 'fixed',
  summary:
    'the same, torn down in the callback, and covered by a collision sequence while pages are being pinned',
  correct: true,
  retryScope: 'subscription',
  knownRaces: [],
});

const userSdma = driverTraits({
  ...expectedReceive,
  variant: 'v5.3-sdma',
  summary: 'Omni-Path user SDMA: the same tree as a cache of pinned buffers, busy ones stay in it',
  knownRaces: [lostInvalidate, staleCacheHit, mmUseAfterFree],
});

const userSdmaFixed = driverTraits({
  ...expectedReceiveFixed,
  variant: 'fixed-sdma',
  summary: 'the same, busy or not, with a collision sequence',
});

/**
 * The Intel Omni-Path driver's mmu_rb, with each of its two users.
 *
 * Linux: drivers/infiniband/hw/hfi1/mmu_rb.c, user_exp_rcv.c and user_sdma.c, v5.3. Variant `fixed`: b3deec25847b and
 * "IB/hfi1: Immediately remove invalid memory from hardware" (v6.2). Variant `fixed-sdma`: c9358de193ec (v6.4), and
 * ours, the sequence of `fixed`. Both on a list that pairs starts with ends (c2655835fd8c, v5.12).
 */
export const hfi1MmuRb: DriverStrategy<UserBuffer> = defineDriverStrategy<UserBuffer>({
  traits: [expectedReceive, expectedReceiveFixed, userSdma, userSdmaFixed],
  listVariants: {
    'v5.3': 'v5.3',
    fixed: 'fixed',
    'v5.3-sdma': 'v5.3',
    'fixed-sdma': 'fixed',
  },
  createIndex: createIntervalTree1dIndex,
  createDriver: (mm, { variant, createIndex, defer }) =>
    new MmuRb(mm, {
      createIndex,
      defer,
      user: variant.endsWith('sdma') ? 'user SDMA' : 'expected receive',
      isFixed: variant.startsWith('fixed'),
    }),
});
