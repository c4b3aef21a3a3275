/** The faults that a stress run injects: one for a round at most, chosen by the seed. */
import type { Random } from '@mmu-notifier/address-space';

/** Every kind, and what the survivors may then say. */
export const faultKinds = {
  anywhere: 'an agent is terminated wherever it is',
  lock: "an agent is terminated with a driver's lock held",
  callback: 'an agent is terminated in a callback',
  section: 'an agent is terminated with a section open',
  waiting: 'an agent is terminated while it waits',
  silent: 'an agent holds a section open, does not answer, and is terminated for that',
  throw: 'callbacks throw now and then',
  stall: 'callbacks take 2 ms now and then',
  full: 'there is no room for the subscriptions that come and go',
  carry: 'the sequence number is about to carry into its second word',
} as const;

/** One of {@link faultKinds}. */
export type FaultKind = keyof typeof faultKinds;

/** The kinds that end an agent. */
export const killKinds: readonly FaultKind[] = [
  'anywhere',
  'lock',
  'callback',
  'section',
  'waiting',
  'silent',
];

/** The fault of a round. */
export interface Fault {
  readonly kind: FaultKind;
  /** Whom it befalls, by index. */
  readonly agent: number;
  /** It befalls the agent at one such moment in so many. */
  readonly every: number;
  /** For an agent that is terminated wherever it is: after so many milliseconds. */
  readonly afterMs: number;
}

/** Whether the fault ends an agent. */
export function kills(fault: Fault | undefined): fault is Fault {
  return fault !== undefined && killKinds.includes(fault.kind);
}

/** A fault of one of these kinds, by the seed. */
export function chooseFault(random: Random, kinds: readonly FaultKind[], agents: number): Fault {
  return {
    kind: kinds[random.below(kinds.length)]!,
    agent: random.below(agents),
    every: 1 + random.below(500),
    afterMs: random.below(60),
  };
}
