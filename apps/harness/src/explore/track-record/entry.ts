/** One row of the track record, as a person writes it: what happens, and where to look. The script adds what it finds. */
import type { Mode } from '../situations.ts';
import type { Mutant } from './mutant.ts';

/** How a race is shown. */
export interface Shown {
  /** Who has it: `interval:v1`. */
  readonly strategy: string;
  /** The notifier is right, and who uses it is not: a device of the situation, or a raiser. */
  readonly isMisuse?: boolean;
  /** Never in the shipped code: with this change. */
  readonly mutant?: Mutant;
  readonly scenario: string;
  /** Default: `event-loop`. */
  readonly mode?: Mode;
  /** What the explorer is asked for: the shape of the failure in an event loop, the verdict in shared memory. */
  readonly shape: string;
  /** What the diagram must show besides. */
  readonly evidence?: readonly string[];
  /** Another variant with other races but not this one: in the same situation no failure has this shape. */
  readonly apart?: string;
  /** Why this failure is this race. */
  readonly because: string;
  /** Who has it not, in the same situation unless another is named; or in words, why there is nobody. */
  readonly without: Without | string;
}

/** A strategy, or a situation, in which it is mended. */
export interface Without {
  readonly strategy: string;
  readonly scenario?: string;
}

/** A row. */
export interface Entry {
  readonly id: string;
  /** What happens, in a sentence. */
  readonly what: string;
  /** Where it is from: a commit, a report, a driver. */
  readonly source: string;
  readonly shown?: Shown;
  /** Why it cannot be shown, or what of it cannot. */
  readonly reason?: string;
}
