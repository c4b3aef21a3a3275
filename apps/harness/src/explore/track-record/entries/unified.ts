/** Races of the unified notifier: the interval tree. */
import type { Entry } from '../entry.ts';

/** See the file's head. */
export const unified: readonly Entry[] = [
  {
    id: 'U-1',
    what: 'a release is invisible to readers: a fault that began before it installs after it',
    source:
      'our reading of the patch as first posted, 15 October 2019; v2 has the driver set the number',
    shown: {
      strategy: 'interval:v1',
      scenario: 'exit',
      shape: 'installed after the end',
      because:
        'publish compares the subscription’s number, which the release’s walk did not set in v1: it is what it was when the fault began',
      without: { strategy: 'interval' },
    },
  },
  {
    id: 'U-2',
    what: 'the warning about callbacks that fail at exit is inverted',
    source: 'Gunthorpe, 27 October 2019',
    reason: 'no warnings are modelled: a callback that fails is an error with a code',
  },
  {
    id: 'U-3',
    what: 'with a legacy subscriber, every subscription is told of the release twice',
    source: 'Kuehling’s review of v1; gone in v3',
    shown: {
      strategy: 'interval:v1',
      scenario: 'exit-partner',
      shape: 'told twice',
      because:
        'it takes the other subscriber on the list: the same situation without one, `exit`, tells everybody once',
      without: { strategy: 'interval' },
    },
  },
  {
    id: 'U-4',
    what: 'a subscription made after the release is accepted, and never told of it',
    source: 'c9682d10271e (v5.10): insert looked at the wrong counter',
    shown: {
      strategy: 'interval:v1',
      scenario: 'exit-subscribe',
      shape: 'subscribed after the end',
      because: 'it was subscribed when the release was over, where `interval` says MMN_RELEASED',
      without: { strategy: 'interval' },
    },
  },
  {
    id: 'U-5',
    what: 'remove returns, and its caller frees the record, while the last end still walks it on the deferred list',
    source: '319561669a59 (v5.18)',
    shown: {
      strategy: 'interval:v1',
      scenario: 'close',
      mode: 'shared-memory',
      shape: 'data-race',
      evidence: ['#applyDeferred', 'Slab.free'],
      because:
        'the two accesses that nothing orders are the end’s walk over the deferred list and the freeing of the record on it',
      without: { strategy: 'interval' },
    },
  },
  {
    id: 'U-6',
    what: 'two sections hit a subscription whose driver keeps one object for its second pass: one of them is lost',
    source:
      'hazard of the two-pass callbacks (7aba71dbc416, v7.1), seen in review of the GPU drivers',
    shown: {
      isMisuse: true,
      strategy: 'interval',
      scenario: 'one-flush',
      shape: 'flush of another section',
      because:
        'the device’s first pass of one section put its flush where that of another section stood',
      without: { strategy: 'interval', scenario: 'two-sections' },
    },
    reason: 'the defect is the device’s; the notifier keeps no object of a driver’s',
  },
  {
    id: 'U-7',
    what: 'a start that the legacy list refuses leaves the tree’s section open: readers and removers wait for ever',
    source: 'our reading; in the kernel from v5.5 to v7.1 without a report',
    shown: {
      strategy: 'interval:v1',
      scenario: 'refused-close',
      shape: 'hang: closer (closes)',
      evidence: ['is refused'],
      because: 'every section that was opened has ended; the one that was refused is still counted',
      without: { strategy: 'interval' },
    },
  },
  {
    id: 'U-8',
    what: 'closing a subscription whose insertion failed drops a reference that it never took',
    source: '22207fd5c801, 970655aa9b42, db7bbd13f087: three drivers hit it',
    shown: {
      strategy: 'interval:v1',
      scenario: 'insert-failed',
      shape: 'invariant',
      because: '`verify` finds fewer references than subscriptions',
      without: { strategy: 'interval' },
    },
  },
  {
    id: 'U-9',
    what: 'a fault begins on a subscription that was never inserted: NULL dereference',
    source: 'gntdev in v5.5, January 2020',
    reason:
      'no variant has it: a subscription that is prepared and not inserted refuses, with `MMN_CLOSED`',
  },
  {
    id: 'U-10',
    what: 'a reader waits until no section is open anywhere: overlapping sections elsewhere starve it',
    source: 'documented trade-off of the merged notifier',
    shown: {
      strategy: 'interval',
      scenario: 'chain',
      shape: 'hang: other (start), reader (fault begins)',
      because:
        'the only section over the page has ended; the one that is open is elsewhere, and stays open for as long as the fault takes',
      without: 'by design: the default variant is as in Linux',
    },
  },
  {
    id: 'U-11',
    what: 'only one of two ways to insert warns of a first pass without a second',
    source: 'v7.1, our reading',
    reason: 'no interleaving, and here a first pass may stand alone',
  },
  {
    id: 'U-12',
    what: 'a driver asks whether it collided without the lock that its callback takes, and installs afterwards',
    source: 'i915 since v6.2, our reading',
    shown: {
      isMisuse: true,
      strategy: 'interval',
      scenario: 'no-lock',
      shape: 'stale before-after',
      because:
        'the whole section passed between the device’s question and its installing; with `publish` in place of `checkRetry` every order is fine',
      without: { strategy: 'interval', scenario: 'fault' },
    },
    reason: 'the defect is the device’s',
  },
  {
    id: 'U-13',
    what: 'a driver reacts to UNMAP only, and the page is cleared',
    source: 'hfi1’s expected receive since v5.5, our reading',
    shown: {
      isMisuse: true,
      strategy: 'interval',
      scenario: 'one-event',
      shape: 'stale before-before',
      because: 'the device held the page when the section started, was called, and kept it',
      without: { strategy: 'interval', scenario: 'held' },
    },
    reason:
      'the defect is the device’s. U-13 is an audit: other drivers of it sleep where they must not',
  },
];
