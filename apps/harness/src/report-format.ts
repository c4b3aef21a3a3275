/**
 * The machine-readable report of `compare --json`. The same seed gives the same report but for `machine`, the
 * times (`ns…`, `seconds…`) and the memory (`bytesPerSubscription`, `peakMemoryBytes`).
 */
import { cpus, totalmem } from 'node:os';

/** Version of this format; it grows with every incompatible change. */
export const schema = 'mmu-notifier/compare/1';

/** Median over the observations of a quantile, in nanoseconds; null where nothing was measured. */
export interface QuantilesNs {
  readonly p50: number | null;
  readonly p99: number | null;
}

/** What one strategy did. */
export interface StrategyReport {
  readonly name: string;
  readonly variant: string;
  /** `ok`: no stale read. `stale`: it served some. `failed`: it broke down, see `error`. */
  readonly verdict: 'ok' | 'stale' | 'failed';
  /** Whether its traits claim that it serves none. */
  readonly claimsCorrect: boolean;
  /** Device accesses that were served from an entry whose page had changed. */
  readonly staleReads: number;
  /** How the first stale entry came to be. */
  readonly firstStale: string | null;
  /** Callbacks for sections that overlap the subscription's span, and for others. */
  readonly callbacks: { readonly needed: number; readonly needless: number };
  /** Refused publications: the page had really changed, or not. `longestRun`: the most in a row. */
  readonly retries: { readonly true: number; readonly false: number; readonly longestRun: number };
  readonly nsPerInvalidation: QuantilesNs;
  readonly nsPerFault: QuantilesNs;
  /** Heap and array buffers that one more subscription costs, in bytes, its JavaScript handle included. */
  readonly bytesPerSubscription: number | null;
  /** Invalidations that were started. */
  readonly sections: number;
  /** Device faults that published an entry. */
  readonly faults: number;
  /** Non-blockable starts that would have blocked. */
  readonly wouldBlock: number;
  /** Median over the observations of the time of one replay, reading the recording not included. */
  readonly secondsPerReplay: number | null;
  /** Most resident memory of a process that replayed. */
  readonly peakMemoryBytes: number | null;
  /** Processes that the times come from. */
  readonly observations: number;
  readonly error: string | null;
}

/** The whole report. */
export interface CompareReport {
  readonly schema: typeof schema;
  readonly machine: Machine;
  readonly seed: number;
  readonly trace: Trace;
  readonly strategies: readonly StrategyReport[];
}

/** What was replayed. */
export interface Trace {
  /** Name of a file or of a generated workload. */
  readonly name: string;
  readonly kind: 'recording' | 'workload';
  /** Events that were replayed, those of devices included. */
  readonly events: number;
  readonly processes: number;
  readonly devices: number;
  readonly mirror: string;
  /** Lines of a recording that no reader knows, by reason. */
  readonly unknownLines: Readonly<Record<string, number>>;
}

/** Where it ran. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
}

/** The machine that this runs on. */
export function machine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    v8: process.versions.v8,
  };
}
