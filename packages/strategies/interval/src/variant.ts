/** What one variant of the unified notifier is: each has a file of its own, so that nobody loads those he does not use. */
import type { Traits } from '@mmu-notifier/core';
import type { Memory } from './layout.ts';
import { landedTraits } from './traits.ts';
import { Transitions } from './transitions.ts';

/** See the file's head. */
export interface Variant {
  readonly traits: Traits;
  /** Bytes that it keeps between the records and the tree. */
  readonly tableByteLength: number;
  createState(memory: Memory): Transitions;
}

/** As Linux has it since 5.5. The others say how they differ from it. */
export const landed: Variant = {
  traits: landedTraits,
  tableByteLength: 0,
  createState: (memory) => new Transitions(memory),
};
