import {
  defineDriverStrategy,
  driverTraits,
  type DriverStrategy,
} from '@mmu-notifier/hlist-srcu/driver';
import { Kvm } from './kvm.ts';
import type { Memslot } from './memslot.ts';

export { Memslot } from './memslot.ts';

const asOfV53 = driverTraits({
  name: 'kvm',
  variant: 'v5.3',
  summary: 'KVM: one count and one seq for the address space, memory slots scanned one by one',
  correct: true,
  filtersByRange: true,
  retryScope: 'address-space',
  subscribeWaits: false,
  knownRaces: [
    {
      id: 'KVM-3',
      what: 'while any section is open, no fault anywhere succeeds: an invalidator that is preempted starves all',
    },
    {
      id: 'KVM-5',
      what: 'when another subscriber refuses a start the count stays up: no fault ever succeeds again',
    },
  ],
});

const ranged = driverTraits({
  ...asOfV53,
  variant: 'ranged',
  summary: 'the same, but open sections refuse only the faults in the range that covers them',
  knownRaces: [],
});

/**
 * KVM's mmu notifier.
 *
 * Linux: virt/kvm/kvm_main.c, v5.3. Variant `ranged`: 4a42d848db95 (v5.12), on a list that pairs starts with ends
 * (c2655835fd8c, v5.12).
 */
export const kvm: DriverStrategy<Memslot> = defineDriverStrategy<Memslot>({
  traits: [asOfV53, ranged],
  listVariants: { 'v5.3': 'v5.3', ranged: 'fixed' },
  createDriver: (mm, { variant }) => new Kvm(mm, { isRanged: variant === 'ranged' }),
});
