/** For tests: an exploration that throws. */
import { explore } from './explore.ts';
import type { Exploration } from './failure.ts';
import type { Options, Scenario } from './scenario.ts';

/** An interleaving failed; the message is the diagram. */
export class InterleavingError extends Error {
  override readonly name = 'InterleavingError';
  readonly exploration: Exploration;

  constructor(exploration: Exploration) {
    const { failure, summary } = exploration;
    const how =
      failure === undefined
        ? []
        : [
            '',
            failure.diagram,
            '',
            `${failure.isMinimal ? 'Smallest' : 'A'} failing schedule: ${failure.schedule}`,
          ];
    super([summary, ...how].join('\n'), { cause: failure?.error });
    this.exploration = exploration;
  }
}

/**
 * {@link explore}, for a test: throws when an interleaving fails, or when the search ends before it has covered what its
 * strategy and bound promise. Random strategies promise nothing, so for them a spent budget is fine.
 *
 * @throws InterleavingError with the diagram
 */
export function verify(scenario: Scenario & Options): Exploration {
  const exploration = explore(scenario);
  const isRandom = scenario.strategy === 'random' || scenario.strategy === 'pct';
  if (exploration.verdict !== 'ok' || (exploration.status === 'stopped' && !isRandom)) {
    throw new InterleavingError(exploration);
  }
  return exploration;
}
