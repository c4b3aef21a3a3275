/** What one variant of the unified notifier is: each has a file of its own, so that nobody loads those he does not use. */
import type { Traits } from '@mmu-notifier/core';
import type { Memory } from './layout.ts';
import { Transitions } from './transitions.ts';

/** See the file's head. */
export interface Variant {
  readonly traits: Traits;
  /** Bytes that it keeps between the records and the tree. */
  readonly tableByteLength: number;
  createState(memory: Memory): Transitions;
}

/** Freezes the traits all through. */
export function frozen(traits: Traits): Traits {
  for (const race of traits.knownRaces) Object.freeze(race);
  for (const list of [traits.modes, traits.knownRaces]) Object.freeze(list);
  return Object.freeze(traits);
}

/** As Linux has it since 5.5. The others say how they differ from it. */
export const landed: Variant = {
  traits: frozen({
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
  }),
  tableByteLength: 0,
  createState: (memory) => new Transitions(memory),
};
