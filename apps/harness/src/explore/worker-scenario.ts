/**
 * A situation as a module's default export, for worker threads that import it for themselves: which one, the query of the
 * module's URL says: `worker-scenario.ts?strategy=interval:v1&scenario=close`.
 */
import type { Scenario } from '@mmu-notifier/explorer';
import { contenderOf, type Contender } from '../strategies.ts';
import { sharedSituations, type SharedSituation } from './thread-situations.ts';

/** The URL for {@link SharedSituation | a situation}. */
export function workerScenarioUrl({ label }: Contender, { name }: SharedSituation): URL {
  const url = new URL(import.meta.url);
  url.search = new URLSearchParams({ strategy: label, scenario: name }).toString();
  return url;
}

function scenarioOf(url: URL): Scenario | undefined {
  const name = url.searchParams.get('scenario');
  const situation = sharedSituations.find((each) => each.name === name);
  return situation?.build(contenderOf(url.searchParams.get('strategy') ?? ''));
}

const scenario: Scenario | undefined = scenarioOf(new URL(import.meta.url));
export default scenario;
