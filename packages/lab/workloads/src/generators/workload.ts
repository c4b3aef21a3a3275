/**
 * What a generator is: a name, its options, and the actors it adds to a simulation.
 */
import type { Simulation } from './simulation.ts';

/** An option of a generator: an integer. */
export interface WorkloadOption {
  readonly name: string;
  readonly description: string;
  readonly default: number;
  /** The least and greatest values allowed. */
  readonly least: number;
  readonly most: number;
}

/** A generator, as `workloads` lists it. */
export interface Workload {
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  readonly options: readonly WorkloadOption[];
}

/** A generator with its script. `option` gives the value of an option of its list. */
export interface WorkloadGenerator extends Workload {
  readonly build: (simulation: Simulation, option: (name: string) => number) => void;
}

/** The options that most generators share. */
export function threadsOption(count: number): WorkloadOption {
  return {
    name: 'threads',
    description: 'threads of the program',
    default: count,
    least: 1,
    most: 64,
  };
}

export function devicesOption(count: number): WorkloadOption {
  return {
    name: 'devices',
    description: 'devices that mirror its memory',
    default: count,
    least: 1,
    most: 64,
  };
}

export function pagesOption(description: string, count: number): WorkloadOption {
  return { name: 'pages', description, default: count, least: 1, most: 1 << 16 };
}

export function countOption(name: string, description: string, count: number): WorkloadOption {
  return { name, description, default: count, least: 1, most: 1024 };
}
