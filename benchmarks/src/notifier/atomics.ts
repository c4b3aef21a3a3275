/** What of a time is that of Atomics calls, which the engine makes no faster than the processor's locked instructions. */
import { performance } from 'node:perf_hooks';

/** How often each of them is called. */
export type AtomicsCalls = Partial<Record<Counted, number>>;

const COUNTED = [
  'load',
  'store',
  'exchange',
  'compareExchange',
  'add',
  'sub',
  'or',
  'notify',
] as const;
type Counted = (typeof COUNTED)[number];

/** Runs something once, and counts the calls that it makes. The engine compiles it anew afterwards. */
export function countAtomics(run: () => unknown): AtomicsCalls {
  const calls: AtomicsCalls = {};
  const originals = COUNTED.map((name) => [name, Atomics[name]] as const);
  for (const [name, original] of originals) {
    const counted = (...args: unknown[]): unknown => {
      calls[name] = (calls[name] ?? 0) + 1;
      return Reflect.apply(original, Atomics, args);
    };
    Object.assign(Atomics, { [name]: counted });
  }
  try {
    run();
  } finally {
    Object.assign(Atomics, Object.fromEntries(originals));
  }
  return calls;
}

const words = new Int32Array(new SharedArrayBuffer(64));

const LOOPS: Record<Counted, (times: number) => void> = {
  load: (times) => {
    for (let k = 0; k < times; k++) Atomics.load(words, 0);
  },
  store: (times) => {
    for (let k = 0; k < times; k++) Atomics.store(words, 0, k);
  },
  exchange: (times) => {
    for (let k = 0; k < times; k++) Atomics.exchange(words, 0, k);
  },
  compareExchange: (times) => {
    for (let k = 0; k < times; k++) Atomics.compareExchange(words, 0, k, k);
  },
  add: (times) => {
    for (let k = 0; k < times; k++) Atomics.add(words, 0, 1);
  },
  sub: (times) => {
    for (let k = 0; k < times; k++) Atomics.sub(words, 0, 1);
  },
  or: (times) => {
    for (let k = 0; k < times; k++) Atomics.or(words, 0, 1);
  },
  notify: (times) => {
    for (let k = 0; k < times; k++) Atomics.notify(words, 0);
  },
};

/** Nanoseconds of these calls, one after another and with nothing else between them; for about `budgetMs`, the fastest pass. */
export function atomicsNs(calls: AtomicsCalls, budgetMs: number): number {
  let ns = 0;
  for (const name of COUNTED) {
    const times = calls[name];
    if (times !== undefined) ns += fastestNs(() => LOOPS[name](times), budgetMs / COUNTED.length);
  }
  return ns;
}

function fastestNs(run: () => void, budgetMs: number): number {
  let fastestMs = Infinity;
  const end = performance.now() + budgetMs;
  do {
    const begin = performance.now();
    run();
    fastestMs = Math.min(fastestMs, performance.now() - begin);
  } while (performance.now() < end);
  return fastestMs * 1e6;
}
