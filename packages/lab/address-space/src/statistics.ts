/** What a run counted. */

/** Plain counters of a {@link Machine}; all start at 0 and only grow. */
export interface Statistics {
  /** Sections that were started. */
  sections: number;
  /** Non-blockable starts that would have blocked. */
  wouldBlock: number;
  /** CPU page faults. */
  cpuFaults: number;
  /** CPU page faults at an address that was unmapped, or may not be accessed so. */
  cpuRefused: number;
  /** Device accesses. */
  accesses: number;
  /** Device accesses that found no usable shadow entry: device faults. */
  faults: number;
  /** Device faults that published an entry. */
  published: number;
  /**
   * Calls of a device's `invalidate`. Needed: the range overlaps the mirror's span, the section is not the
   * device's own, and the mirror was not released before.
   */
  readonly callbacks: { needed: number; needless: number };
  /**
   * Attempts of device faults that collided. True: a section that covers the page was open at some time since
   * `readBegin`. `longestRun`: the most in a row in one fault.
   */
  readonly retries: { true: number; false: number; longestRun: number };
  /** Device faults that ran out of attempts. */
  gaveUp: number;
  /** Device faults at an address that nothing maps. */
  efault: number;
  /** Device faults that wanted to write what is read-only. */
  eperm: number;
  /** Device faults whose mirror was closed, or its address space gone, meanwhile. */
  closed: number;
  /** Device accesses, and reads of the read-back, that hit a stale entry. */
  staleReads: number;
  /** Distinct stale entries. */
  staleEntries: number;
}

/** Fresh counters. */
export function createStatistics(): Statistics {
  return {
    sections: 0,
    wouldBlock: 0,
    cpuFaults: 0,
    cpuRefused: 0,
    accesses: 0,
    faults: 0,
    published: 0,
    callbacks: { needed: 0, needless: 0 },
    retries: { true: 0, false: 0, longestRun: 0 },
    gaveUp: 0,
    efault: 0,
    eperm: 0,
    closed: 0,
    staleReads: 0,
    staleEntries: 0,
  };
}
