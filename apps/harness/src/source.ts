/** What is replayed: a recording or a generated workload, with devices added where it has none. */
import { generate, type MemoryEvent } from '@mmu-notifier/workloads';
import { readRecording } from '@mmu-notifier/workloads/node';
import { addDevices } from './mirror.ts';
import { addTouches } from './touches.ts';

/** How to make a stream: plain data, so that every process makes the same one. */
export interface SourceSpec {
  readonly kind: 'recording' | 'workload';
  /** A path, or a workload's name. */
  readonly name: string;
  /** Lines that no reader knows are errors. */
  readonly strict: boolean;
  readonly mirror: string;
  readonly devices: number;
  readonly seed: number;
  /** Events of a generated workload. */
  readonly events: number;
}

/** A stream, ready to be replayed. */
export interface Source {
  readonly events: readonly MemoryEvent[];
  readonly processes: number;
  readonly unknownLines: Readonly<Record<string, number>>;
}

/** Makes the stream. @throws RecordingError, WorkloadError, UsageError */
export async function openSource(spec: SourceSpec): Promise<Source> {
  const { kind, name, strict, mirror, devices, seed } = spec;
  if (kind === 'workload') {
    const events = generate(name, { seed, events: spec.events });
    return finish(addDevices(events, { rule: mirror, devices, seed }), {});
  }
  const { events, summary } = await readRecording(name, { strict });
  const touched = addTouches(events, seed);
  return finish(addDevices(touched, { rule: mirror, devices, seed }), summary.unknown);
}

function finish(
  events: readonly MemoryEvent[],
  unknownLines: Readonly<Record<string, number>>,
): Source {
  return { events, processes: new Set(events.map(({ process }) => process)).size, unknownLines };
}
