/** One observation of one strategy under whole workloads: a replay of the harness. */
import { replay } from '@mmu-notifier/harness/replay';
import { openSource, type SourceSpec } from '@mmu-notifier/harness/source';
import { contenderOf } from '@mmu-notifier/harness/strategies';
import type { Observation } from '../method.ts';

/** The calls whose median time is reported; what the simulation does around them does not count. */
export type Measured = 'sections' | 'faults';

/** Replays the stream; the hash is of what the correct strategies must agree on. Throws when a stale entry was served. */
export async function observeReplay(
  contender: string,
  source: SourceSpec,
  measured: Measured,
): Promise<Observation> {
  const { events } = await openSource(source);
  const { counts, firstStale, nsPerInvalidation, nsPerFault } = await replay(
    events,
    contenderOf(contender),
    { seed: source.seed, passiveDevices: source.kind === 'recording' },
    () => {},
  );
  if (firstStale !== undefined) throw new Error(`${contender}: ${firstStale}`);
  const times = measured === 'sections' ? nsPerInvalidation : nsPerFault;
  if (times === undefined) throw new Error(`${source.name} has no ${measured}`);
  const passes = measured === 'sections' ? counts.sections : counts.published;
  return { nsPerOperation: times.p50, hash: `${events.length} events`, passes };
}
