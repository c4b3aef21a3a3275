/** What a caller explores: some memory, threads on it, and what must hold. */

/** One thread: a function of the shared memory, or one in two parts. */
export type ThreadBody =
  | ((shared: SharedArrayBuffer) => unknown)
  | {
      /** What a worker does once when it starts. The threads' attach parts run one after the other, in order, and are not interleaved. */
      readonly attach: (shared: SharedArrayBuffer) => unknown;
      /** Gets what attach returned: say its type in the parameter. */
      readonly run: (attached: never, shared: SharedArrayBuffer) => unknown;
    };

/** Programs that share memory. Thread bodies are synchronous, and run many times. */
export interface Scenario {
  /** Size of the shared memory in bytes. Default 1024. */
  readonly memory?: number;
  /** Prepares the memory, alone, before the threads begin. Runs once. */
  readonly setup?: (shared: SharedArrayBuffer) => void;
  /**
   * The threads by name, 2 to 16 of them. Each builds its own views and objects from the memory, as a worker would, and may
   * depend on nothing else: not on clocks, randomness, or objects that it or another thread has changed.
   */
  readonly threads: Readonly<Record<string, ThreadBody>>;
  /** Runs alone after all threads have ended; throws when something is wrong. Gets what they returned, by name. */
  readonly check?: (
    shared: SharedArrayBuffer,
    returned: Readonly<Record<string, unknown>>,
  ) => unknown;
  /** Names for reports: of words, by the index of the 32-bit word; or of bytes, by offset. */
  readonly names?: Readonly<Record<string, number>> | ((byteOffset: number) => string | undefined);
}

/** How to go through the interleavings. */
export type Strategy =
  /** Every interleaving up to the order of independent operations: source-set DPOR with sleep sets. The default. */
  | 'dpor'
  /** Every interleaving, one by one. For comparison, and for tiny programs. */
  | 'dfs'
  /** Every state, in order of preemptions and then of steps: the first failure found is a smallest one. */
  | 'states'
  /** Random schedules. Never complete. */
  | 'random'
  /** Random priorities with few changes (Burckhardt et al., ASPLOS 2010). Never complete. */
  | 'pct';

/** When to give up. The first limit that is reached counts. */
export interface Budget {
  /** Complete executions. Default: no limit; for `random` and `pct` 10,000. */
  readonly executions?: number;
  /** Visible operations performed. Default: no limit. */
  readonly steps?: number;
  /** Default: no limit. */
  readonly seconds?: number;
}

/** How to explore. */
export interface Options {
  /** Default `dpor`. */
  readonly strategy?: Strategy;
  /**
   * Most preemptions of an execution: switches away from a thread that could go on. Default: no limit.
   * Most bugs need one or two.
   */
  readonly preemptions?: number;
  readonly budget?: Budget;
  /** Of `random` and `pct`. Default 1. */
  readonly seed?: number;
  /** Of `pct`: changes of priority, plus one. Finds bugs of so many ordering constraints. Default 3. */
  readonly depth?: number;
  /** Longest execution in visible operations: longer ones stop the search. Default 2,000. */
  readonly stepsPerExecution?: number;
  /** Whether plain accesses are checked for data races. Default true; false is unsound unless another run checks them. */
  readonly races?: boolean;
  /** What to spend on finding a smallest failing schedule. Default 5 seconds. 0: take the first one found. */
  readonly minimizeSeconds?: number;
  /** Called about ten times a second, and at the end. */
  readonly onProgress?: (counts: Counts) => void;
  /** Asked about ten times a second. True ends the search as a spent budget does, and so the search for a smaller failure. */
  readonly isStopped?: () => boolean;
}

/** How much was done. */
export interface Counts {
  /** Executions that came to an end, failed ones included. */
  readonly executions: number;
  /** Executions given up halfway because another one shows the same. */
  readonly redundant: number;
  /** Visible operations performed. */
  readonly steps: number;
  /** Plain accesses performed. */
  readonly plainAccesses: number;
  /** Of the strategy `states`: different states seen. */
  readonly states: number;
  /** How often a thread's code was really run. */
  readonly codeRuns: number;
  readonly seconds: number;
}
