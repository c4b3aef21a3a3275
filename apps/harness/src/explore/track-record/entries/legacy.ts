/** Races of the legacy list: hlist and SRCU. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const legacy: readonly Entry[] = [
  {
    id: 'L-1',
    what: 'an exit and an unregister both call `release` of a subscriber, at the same time',
    source: 'd34883d4e35c (v3.10), whose message accepts it: `release` must bear it',
    shown: {
      strategy: 'hlist-srcu',
      scenario: 'list-exit',
      shape: 'release beside release',
      because: 'the subscriber counts its releases: the second one came before the first had ended',
      without: 'by design: nobody; the contract’s own `release` is called once',
    },
  },
  {
    id: 'L-2',
    what: 'when one subscriber refuses a start, those that had accepted it never see an end',
    source: '93065ac753e4; mended by c2655835fd8c (v5.12)',
    shown: {
      strategy: 'hlist-srcu:v5.3',
      scenario: 'refused-fault',
      shape: 'hang: reader (fault begins)',
      evidence: ['is refused'],
      because:
        'nothing is open when the fault begins, since the only start was refused: what it waits for is the count that was left behind',
      without: { strategy: 'hlist-srcu' },
    },
  },
  {
    id: 'L-3',
    what: 'registering fails with -EINTR when a signal is pending',
    source: 'kvmarm list, August 2022: 1 to 2 % of the starts of a virtual machine',
    reason:
      'it is no race but a failure that callers must retry. What can be explored is that they may: `list-interrupted` aborts a registration at every moment and tries again, 31 orders, complete',
  },
  {
    id: 'L-4',
    what: 'a section is raised without any lock that keeps registrations out: a new subscriber sees an end without its start',
    source: 'PAGEMAP_SCAN, found by syzkaller',
    shown: {
      isMisuse: true,
      strategy: 'hlist-srcu',
      scenario: 'list-come-uncounted',
      shape: 'end without start',
      because: 'the subscriber counts what it is told: its first call was an end',
      without: { strategy: 'hlist-srcu', scenario: 'list-come' },
    },
    reason:
      'the defect is the raiser’s: the situation has one whose sections registrations do not wait for',
  },
  {
    id: 'L-5',
    what: 'speculative page faults raise sections under no lock at all, and needed one more',
    source: 'Lespinasse’s series of January 2022, never merged',
    reason: 'that lock is not modelled; what goes wrong without it is L-4',
  },
  {
    id: 'L-6',
    what: 'an empty range reaches the callbacks and is taken for everything',
    source: 'f7edb07ad7c6 (v6.15), arm64',
    reason:
      'no interleaving: an empty range is refused here, with `MMN_RANGE_EMPTY`, and the conformance tests say so',
  },
  {
    id: 'L-7',
    what: 'on PREEMPT_RT a spin lock taken in a non-blockable start sleeps',
    source: 'Christopherson, February 2026',
    reason: 'there is no such kernel here',
  },
];
