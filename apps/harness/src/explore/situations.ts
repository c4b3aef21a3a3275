/** Every situation: of threads that share memory, and of asynchronous code in one event loop. */
import { UsageError } from '../errors.ts';
import type { Contender } from '../strategies.ts';
import { eventSituations, fits, type EventSituation } from './events/situations.ts';
import { sharedSituations, type SharedSituation } from './thread-situations.ts';

/** A situation of either kind. */
export type Situation = SharedSituation | EventSituation;

/** Where the code runs. */
export type Mode = Situation['mode'];

/** Where a strategy is explored by default: the first that it serves. */
export const modes = ['shared-memory', 'event-loop'] as const satisfies readonly Mode[];

const situations: readonly Situation[] = [...sharedSituations, ...eventSituations];

/** Names for messages. */
export const situationNames: string = [...new Set(situations.map(({ name }) => name))].join(', ');

/**
 * The situations that are meant for a strategy: by name, in the first mode that has it; or the default ones of its first mode.
 *
 * @throws UsageError
 */
export function situationsFor(
  contender: Contender,
  names: readonly string[] | undefined,
  mode: Mode | undefined,
): Situation[] {
  const { traits, label } = contender;
  const served = modes.filter((each) => traits.modes.includes(each) && (mode ?? each) === each);
  const first = served[0];
  if (first === undefined) {
    throw new UsageError(`expected a strategy that runs in mode ${mode}, got '${label}'`);
  }
  const defaults = situations.filter((each) => each.mode === first && each.isDefault);
  if (names === undefined) return defaults;
  return names.map((name) => {
    if (!situations.some((each) => each.name === name)) {
      throw new UsageError(`expected a situation (${situationNames}), got '${name}'`);
    }
    const found = served.flatMap(
      (each) => situations.find((s) => s.name === name && s.mode === each) ?? [],
    );
    if (found[0] !== undefined) {
      checkNeeds(contender, found[0]);
      return found[0];
    }
    throw new UsageError(
      `expected a situation of mode ${served.join(' or ')} for '${label}', got '${name}'`,
    );
  });
}

function checkNeeds(contender: Contender, situation: Situation): void {
  const isFitting =
    situation.mode === 'event-loop'
      ? fits(contender, situation)
      : situation.needs === undefined || contender.strategy.name === 'hlist-srcu';
  if (isFitting) return;
  const { name, needs } = situation;
  throw new UsageError(`expected a strategy with ${needs} for '${name}', got '${contender.label}'`);
}

/** One situation by name. */
export function situationOf(name: string, mode: Mode): Situation | undefined {
  return situations.find((each) => each.name === name && each.mode === mode);
}
