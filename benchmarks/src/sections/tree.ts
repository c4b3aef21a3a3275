/** The interval tree against a red-black tree in C and against the trees that npm has. */
import type { Observation } from '../method.ts';
import { buildNative, type NativePrograms } from '../native.ts';
import { OperationsFolder, readBytes } from '../operations-folder.ts';
import { observeInProcess } from '../run-process.ts';
import type { Case, Contender, Level, Plan, Section } from '../section.ts';
import { OURS, PEERS } from '../tree/contenders.ts';
import { makeOperations, WORKLOADS, type Workload } from '../tree/operations.ts';
import { observeTree } from '../tree/run.ts';

const SEED = 20_191_015;

interface Size {
  ranges: readonly number[];
  rounds: number;
  /** Of sets so large that filling them takes longer than measuring, and whose ratios are far from 1. */
  largeRounds: number;
  budgetMs: number;
  /** Sizes and rounds of the comparison with the peers, which are slow. */
  peerRanges: readonly number[];
  peerRounds: number;
}

const SIZES: Record<Level, Size> = {
  smoke: {
    ranges: [100],
    rounds: 1,
    largeRounds: 1,
    budgetMs: 5,
    peerRanges: [100],
    peerRounds: 1,
  },
  short: {
    ranges: [100, 10_000],
    rounds: 5,
    largeRounds: 5,
    budgetMs: 40,
    peerRanges: [10_000],
    peerRounds: 3,
  },
  alone: {
    ranges: [100, 1000, 10_000, 100_000, 1_000_000],
    rounds: 5,
    largeRounds: 3,
    budgetMs: 150,
    peerRanges: [10_000, 100_000],
    peerRounds: 3,
  },
  full: {
    ranges: [100, 1000, 10_000, 100_000, 1_000_000],
    rounds: 8,
    largeRounds: 5,
    budgetMs: 150,
    peerRanges: [100, 1000, 10_000, 100_000],
    peerRounds: 3,
  },
};

/** Enough operations that no branch predictor learns them by heart, and that they reach all of a large set. */
function operationsFor(ranges: number, level: Level): number {
  if (level === 'smoke') return 2000;
  return Math.min(Math.max(ranges, 20_000), 500_000);
}

/** What a child needs to know. Several files are for checking: their hashes are joined. */
interface Input {
  files: string[];
  budgetMs: number;
}

function fileOf(
  files: OperationsFolder,
  workload: Workload,
  ranges: number,
  operations: number,
): string {
  return files.file(`${workload}-${ranges}-${operations}`, () =>
    makeOperations({ workload, ranges, operations, seed: SEED }),
  );
}

export const treeSection: Section = {
  name: 'tree',
  title: 'Interval trees',
  prepare,
  async observe(input, contender): Promise<Observation> {
    const { files, budgetMs } = input as unknown as Input;
    const observations: Observation[] = [];
    for (const file of files) {
      observations.push(await observeTree(contender, readBytes(file), budgetMs));
    }
    const hash = observations.map((each) => each.hash).join('-');
    return { nsPerOperation: NaN, passes: 0, ...observations.at(-1), hash };
  },
};

async function prepare(level: Level): Promise<Plan> {
  const size = SIZES[level];
  const native = buildNative();
  const files = new OperationsFolder();
  const { wrong, right } = await sortOut(files);
  const cases: Case[] = [];
  for (const ranges of size.ranges) {
    for (const workload of Object.keys(WORKLOADS) as Workload[]) {
      const input = {
        files: [fileOf(files, workload, ranges, operationsFor(ranges, level))],
        budgetMs: size.budgetMs,
      };
      const contenders = [...inC(native, input), ...oursFor(workload)];
      const rounds = ranges < 1_000_000 ? size.rounds : size.largeRounds;
      cases.push({ row: label(ranges), column: workload, input, rounds, contenders });
    }
  }
  for (const ranges of size.peerRanges) {
    const input = {
      files: [fileOf(files, 'mixed', ranges, operationsFor(ranges, level))],
      budgetMs: size.budgetMs,
    };
    const contenders = [{ name: OURS[0] ?? '' }, ...right.map((name) => ({ name }))];
    cases.push({
      row: `${label(ranges)}, peers`,
      column: 'mixed',
      input,
      rounds: size.peerRounds,
      contenders,
    });
  }
  return {
    cases,
    excluded: [
      ...wrong,
      ...(native === undefined
        ? [{ contender: 'C', reason: 'no compiler (set CC to name one)' }]
        : []),
    ],
    notes: [
      ...Object.entries(WORKLOADS).map(([name, about]) => `${name}: ${about}`),
      'C is an augmented red-black tree whose nodes are a cache line each and lie in one array, kinder to the cache than nodes inside the structures of a program. It does not check its arguments; ours does.',
      'Timed passes count hits; passes before and after them hash every one, and all contenders must agree. `collect` writes the hits to an array; `walk` is `first` and `next`, as in C.',
    ],
    facts: {
      seed: String(SEED),
      ...(native === undefined ? {} : { 'C compiler': native.compiler }),
    },
    dispose: () => files.dispose(),
  };
}

/** Ours in both kinds of memory; walking hit by hit only where it says something. */
function oursFor(workload: Workload): Contender[] {
  const withWalk = workload === 'miss' || workload === 'ten-hit';
  return OURS.filter((name) => withWalk || !name.endsWith('walk')).map((name) => ({ name }));
}

/** The C program as contender, if there is one. */
function inC(native: NativePrograms | undefined, { files, budgetMs }: Input): Contender[] {
  const command = [...files, String(budgetMs)];
  return native === undefined
    ? []
    : [{ name: 'C', command: [native.files.observe_tree, ...command] }];
}

function label(ranges: number): string {
  return `${ranges.toLocaleString('en')} ranges`;
}

/** Runs every contender past brute force, on every workload, and sorts out those that are wrong. Throws when it is one of ours. */
async function sortOut(
  files: OperationsFolder,
): Promise<{ right: string[]; wrong: { contender: string; reason: string }[] }> {
  const workloads = Object.keys(WORKLOADS) as Workload[];
  const input = {
    files: workloads.map((workload) => fileOf(files, workload, 200, 2000)),
    budgetMs: 0,
  };
  const hashOf = async (name: string): Promise<string> =>
    (await observeInProcess(treeSection, { input }, { name })).hash;
  const expected = await hashOf('brute force');
  const reasons = new Map<string, string | undefined>();
  for (const name of [...OURS, ...PEERS]) {
    const reason = await hashOf(name).then(
      (hash) => (hash === expected ? undefined : 'other hits than brute force'),
      firstErrorOf,
    );
    if (reason !== undefined && OURS.includes(name)) throw new Error(`${name}: ${reason}`);
    reasons.set(name, reason);
  }
  return {
    right: PEERS.filter((name) => reasons.get(name) === undefined),
    wrong: PEERS.flatMap((contender) => {
      const reason = reasons.get(contender);
      return reason === undefined
        ? []
        : [{ contender, reason: `answers wrongly, so no time: ${reason}` }];
    }),
  };
}

/** What went wrong in a process, from what it wrote to its standard error. */
function firstErrorOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^\w*Error: (.*)$/m.exec(message)?.[1] ?? message;
}
