/** What the unified notifier says of itself. Apart from the code, so that a bundle has no variant for another one's sake. */
import type { Traits } from '@mmu-notifier/core';

/** Freezes the traits all through. */
export function frozen(traits: Traits): Traits {
  for (const race of traits.knownRaces) Object.freeze(race);
  for (const list of [traits.modes, traits.knownRaces]) Object.freeze(list);
  return Object.freeze(traits);
}

/** As Linux has it since 5.5. The variants say how they differ from it. */
export const landedTraits: Traits = /* @__PURE__ */ frozen({
  name: 'interval',
  variant: 'landed',
  summary: 'one interval tree, one collision-retry sequence number',
  correct: true,
  filtersByRange: true,
  retryScope: 'subscription',
  defersChanges: true,
  subscribeWaits: false,
  twoPass: true,
  filtersByOwner: true,
  modes: ['event-loop', 'shared-memory'],
  knownRaces: [],
});
