/** Honest words for how far an exploration went. */
import type { Exploration, Failure, Status } from './failure.ts';
import type { Options } from './scenario.ts';
import type { Search, SearchEnd } from './search/search.ts';

/** Puts the result together. */
export function summarize(
  search: Search,
  options: Options,
  end: SearchEnd,
  failure: Failure | undefined,
): Exploration {
  const status = statusOf(search, end);
  const counts = search.counts();
  options.onProgress?.(counts);
  const { executions, states, seconds } = counts;
  const howMuch =
    options.strategy === 'states'
      ? `${states} states`
      : `${executions} execution${executions === 1 ? '' : 's'}`;
  const summary = `${words(status, end, failure, options)}: ${howMuch}, ${counts.steps} steps, ${seconds.toFixed(2)} s`;
  const completeTo = status === 'stopped' && search.completeTo >= 0 ? search.completeTo : undefined;
  return { verdict: failure?.verdict ?? 'ok', status, completeTo, summary, counts, failure };
}

function statusOf(search: Search, end: SearchEnd): Status {
  if (end !== 'complete') return 'stopped';
  return search.isBounded ? 'complete-to-bound' : 'complete';
}

function words(
  status: Status,
  end: SearchEnd,
  failure: Failure | undefined,
  options: Options,
): string {
  if (failure !== undefined) return `found ${failure.verdict}`;
  if (status === 'complete') return 'complete, nothing found';
  if (status === 'complete-to-bound') {
    return `complete up to ${options.preemptions} preemptions, nothing found`;
  }
  if (end === 'limit') {
    return 'stopped by an execution that has too many steps (a loop with an effect that never ends?), nothing found';
  }
  if (end === 'asked') return 'stopped when asked, nothing found so far';
  return `stopped by the budget of ${end}, nothing found so far`;
}
