/**
 * The generators: streams of events made up from a seed.
 */
import { quote, WorkloadError } from '../errors.ts';
import type { MemoryEvent } from '../events.ts';
import { allocatorChurn } from './allocator-churn.ts';
import { forkCow } from './fork-cow.ts';
import { gpuUserPointers } from './gpu-user-pointers.ts';
import { kvmMemslots } from './kvm-memslots.ts';
import { numaHintingStorm } from './numa-hinting-storm.ts';
import { oom } from './oom.ts';
import { races } from './races.ts';
import { Random } from './random.ts';
import { rdmaRegistrations } from './rdma-registrations.ts';
import { Simulation } from './simulation.ts';
import type { Workload, WorkloadGenerator, WorkloadOption } from './workload.ts';

const generators: readonly WorkloadGenerator[] = [
  rdmaRegistrations,
  gpuUserPointers,
  kvmMemslots,
  allocatorChurn,
  forkCow,
  numaHintingStorm,
  oom,
  races,
];

/** Every generator, with what it makes and its own options. */
export const workloads: readonly Workload[] = generators;

/** The options that every generator has besides its own. */
export const commonOptions: readonly WorkloadOption[] = [
  {
    name: 'seed',
    description: 'the same seed gives the same stream',
    default: 1,
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
  },
  {
    name: 'events',
    description: 'how many events to make',
    default: 20_000,
    least: 1,
    most: 10_000_000,
  },
];

/** Values of {@link commonOptions} and of the generator's own; what is missing has its default. */
export type GenerateOptions = Readonly<Record<string, number | undefined>>;

/**
 * Makes the stream of a generator. It is cut at the number of events, so it may end with memory mapped, devices registered
 * and processes alive, as a recording may.
 *
 * @param name one of {@link workloads}
 * @throws WorkloadError `MMN_WORKLOAD_UNKNOWN`, `MMN_WORKLOAD_OPTION`
 * @example
 * const events = generate('races', { seed: 7, events: 5000, devices: 3 });
 */
export function generate(name: string, options: GenerateOptions = {}): MemoryEvent[] {
  const generator = generators.find((generator) => generator.name === name);
  if (generator === undefined) {
    const names = generators.map(({ name }) => name).join(', ');
    const message = `expected a workload (${names}), got ${quote(name)}`;
    throw new WorkloadError('MMN_WORKLOAD_UNKNOWN', message);
  }
  const values = valuesOf(generator, options);
  const option = (name: string): number => {
    const value = values.get(name);
    if (value === undefined)
      throw new Error(`${generator.name} asks for an option it lacks: ${name}`);
    return value;
  };
  const simulation = new Simulation(new Random(option('seed')));
  generator.build(simulation, option);
  return simulation.run(option('events'));
}

function valuesOf(generator: WorkloadGenerator, given: GenerateOptions): Map<string, number> {
  const known = [...commonOptions, ...generator.options];
  for (const name of Object.keys(given)) {
    if (known.some((option) => option.name === name)) continue;
    const names = known.map(({ name }) => name).join(', ');
    throw new WorkloadError(
      'MMN_WORKLOAD_OPTION',
      `expected an option of ${generator.name} (${names}), got ${quote(name)}`,
    );
  }
  return new Map(known.map((option) => [option.name, valueOf(option, given[option.name])]));
}

function valueOf(option: WorkloadOption, given: number | undefined): number {
  if (given === undefined) return option.default;
  if (Number.isSafeInteger(given) && given >= option.least && given <= option.most) return given;
  throw new WorkloadError(
    'MMN_WORKLOAD_OPTION',
    `expected ${option.name} to be an integer from ${option.least} to ${option.most}, got ${String(given)}`,
  );
}
