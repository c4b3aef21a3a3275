/** What the notifier of one event loop says of itself. */
import type { Traits } from '@mmu-notifier/core';
import { frozen, landedTraits } from '../traits.ts';

/** See the file's head. */
export const traits: Traits = /* @__PURE__ */ frozen({
  ...landedTraits,
  variant: 'local',
  summary:
    'the same promises in one event loop, on objects: small, and readers and closers wait only for what overlaps them',
  defersChanges: false,
  modes: ['event-loop'],
});
