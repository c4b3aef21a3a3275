/** Races of kvm. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const kvm: readonly Entry[] = [
  {
    id: 'KVM-1',
    what: 'an end lowers the count before it turns the seq',
    source: 'never in KVM: a mutant',
    shown: {
      strategy: 'hlist-srcu',
      mutant: {
        package: 'packages/strategies/hlist-srcu',
        exportName: 'hlistSrcu',
        file: 'transitions.ts',
        find: `    if (region.add(at + Node.seqLow, 1) === -1) region.add(at + Node.seqHigh, 1);
    this.cancel(node);`,
        replace: `    this.cancel(node);
    if (region.add(at + Node.seqLow, 1) === -1) region.add(at + Node.seqHigh, 1);`,
      },
      scenario: 'fault',
      mode: 'shared-memory',
      shape: 'check',
      evidence: ['stale: shadow entry 1, page-table entry 2'],
      because:
        'the subscription of hlist-srcu keeps KVM’s count and seq: the reader looked at both between the two changes of the end',
      without: { strategy: 'hlist-srcu' },
    },
    reason:
      'in kvm itself an end is one step of one event loop; hlist-srcu keeps the same in shared memory',
  },
  {
    id: 'KVM-2',
    what: 'a fault takes the seq after it read the page',
    source: 'never in KVM: a mutant',
    shown: {
      isMisuse: true,
      strategy: 'kvm',
      scenario: 'late-seq',
      shape: 'stale before-after',
      because:
        'the section passed between the reading and the taking of the seq, which therefore compares equal',
      without: { strategy: 'kvm', scenario: 'fault' },
    },
    reason: 'the situation’s device does it; the package does not',
  },
  {
    id: 'KVM-3',
    what: 'a section anywhere refuses every fault: an invalidator that is preempted starves all',
    source: 'mended by 4a42d848db95 (v5.12)',
    shown: {
      strategy: 'kvm',
      scenario: 'elsewhere',
      shape: 'hang: invalidator (start), reader (fault begins)',
      because: 'nobody touches the page of the fault; the variant that compares ranges goes on',
      without: { strategy: 'kvm:ranged' },
    },
  },
  {
    id: 'KVM-4',
    what: 'memory slots that change between start and end unbalance a count that depends on slots',
    source: '8931a454aea0 (v5.13)',
    reason:
      'neither variant’s count depends on slots, as in v5.3; `nested-subscribe` and `fault-close` are complete',
  },
  {
    id: 'KVM-5',
    what: 'another subscriber refuses a start, and the count stays up: faults never succeed again',
    source: 'L-2 as KVM sees it',
    shown: {
      strategy: 'kvm',
      scenario: 'refused-fault',
      shape: 'hang: reader (fault begins)',
      evidence: ['is refused'],
      because:
        'nothing is open when the fault begins: it waits for the count of the start that was refused',
      without: { strategy: 'kvm:ranged' },
    },
  },
  {
    id: 'KVM-6',
    what: 'on PREEMPT_RT mmu_lock sleeps in a non-blockable start',
    source: 'L-7',
    reason: 'there is no such kernel here',
  },
];
