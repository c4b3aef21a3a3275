/** Runs sections, case by case and round by round, and turns the observations into results. */
import { Calm } from './contention.ts';
import { describeMachine, type Machine } from './machine.ts';
import {
  estimate,
  rotated,
  verdictOf,
  type Estimate,
  type Observation,
  type Verdict,
} from './method.ts';
import { observeInProcess } from './run-process.ts';
import type { Case, Contender, Level, Plan, Section } from './section.ts';

/** What `--json` writes. */
export interface Report {
  schema: 'mmu-notifier-bench/1';
  level: Level;
  machine: Machine;
  sections: SectionResult[];
  /** By Ctrl-C: of the section that was being run there are the cases that were done, and none of those behind it. */
  interrupted?: true;
}

export interface SectionResult {
  name: string;
  /** It was interrupted: cases are missing. */
  cut?: true;
  title: string;
  notes: string[];
  facts: Record<string, string>;
  excluded: { contender: string; reason: string }[];
  /** Absent from reports of before it was looked at. */
  neighbours?: Neighbours;
  cases: CaseResult[];
}

/** What was done about busy neighbours on the same core. */
export interface Neighbours {
  observations: number;
  /** Made again, some more than once. */
  repeated: number;
  /** Of those that count: disturbed all the same, at the last attempt. */
  disturbed: number;
}

export interface CaseResult {
  row: string;
  column: string;
  /** Of the work, the same for every contender. */
  hash: string;
  contenders: ContenderResult[];
}

export interface ContenderResult {
  name: string;
  /** Nanoseconds an operation, by round. */
  samples: number[];
  time: Estimate;
  /** The baseline's time over this one's; above 1 this one is faster. Absent for the baseline. */
  ratio?: Estimate;
  verdict?: Verdict;
}

/** Two contenders disagree on the result of the same work, or one of them failed. */
export class WrongWorkError extends Error {}

/** How often an observation that was disturbed is made, at most. */
const ATTEMPTS: Record<Level, number> = { smoke: 1, short: 1, alone: 1, full: 3 };

/** Called before each observation that counts. */
export type OnProgress = (progress: { done: number; total: number; what: string }) => void;

/** @param signal ends it after the observation that is being made: the report has the cases that are whole */
export async function runSections(
  sections: readonly Section[],
  level: Level,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<Report> {
  const machine = describeMachine();
  const plans: { section: Section; plan: Plan }[] = [];
  try {
    for (const section of sections) {
      if (signal?.aborted === true) break;
      onProgress({ done: 0, total: 0, what: `${section.name}: preparing` });
      plans.push({ section, plan: await section.prepare(level) });
    }
    const total = plans
      .flatMap(({ plan }) => plan.cases)
      .reduce((sum, { rounds, contenders }) => sum + rounds * contenders.length, 0);
    const calm = new Calm();
    let done = 0;
    const results: SectionResult[] = [];
    for (const { section, plan } of plans) {
      const cases: CaseResult[] = [];
      const neighbours: Neighbours = { observations: 0, repeated: 0, disturbed: 0 };
      const observe = (one: Case, contender: Contender): Promise<Observation> =>
        observeCalmly(section, one, contender, { calm, neighbours, attempts: ATTEMPTS[level] });
      for (const one of plan.cases) {
        if (signal?.aborted === true) break;
        const what = `${section.name}: ${one.row} ${one.column}`;
        const onObservation = (contender: string): void => {
          onProgress({ done, total, what: `${what}, ${contender}` });
          done++;
        };
        const result = await runCase(what, one, { observe, onObservation, signal });
        if (result !== undefined) cases.push(result);
      }
      const isWhole = cases.length === plan.cases.length;
      if (!isWhole && cases.length === 0) break;
      const { facts, excluded } = plan;
      const notes = [...plan.notes, ...((isWhole ? section.conclude?.(cases) : undefined) ?? [])];
      const { name, title } = section;
      const cut = isWhole ? {} : ({ cut: true } as const);
      results.push({ name, ...cut, title, notes, facts, excluded, neighbours, cases });
    }
    const interrupted = signal?.aborted === true ? ({ interrupted: true } as const) : {};
    return { schema: 'mmu-notifier-bench/1', level, machine, sections: results, ...interrupted };
  } finally {
    for (const { plan } of plans) plan.dispose();
  }
}

/** The observation of least contention, of as many attempts as it takes until one was not disturbed. */
async function observeCalmly(
  section: Section,
  one: Case,
  contender: Contender,
  { calm, neighbours, attempts }: { calm: Calm; neighbours: Neighbours; attempts: number },
): Promise<Observation> {
  neighbours.observations++;
  // By section: what else a process has compiled changes the quotient.
  const program = `${section.name} ${contender.command?.[0] ?? process.execPath}`;
  let least = Infinity;
  let best: Observation | undefined;
  for (let attempt = 1; ; attempt++) {
    const observed = await observeInProcess(section, one, contender, calm.leastOf(program));
    const { contention = 0 } = observed;
    if (best === undefined || contention < least) [best, least] = [observed, contention];
    if (!calm.isDisturbed(program, contention)) return best;
    if (attempt === attempts) break;
    neighbours.repeated++;
  }
  neighbours.disturbed++;
  return best;
}

/** What a case is run with. */
interface CaseRun {
  observe: (one: Case, contender: Contender) => Promise<Observation>;
  onObservation: (contender: string) => void;
  signal: AbortSignal | undefined;
}

/** `undefined` if it was interrupted. */
async function runCase(
  what: string,
  one: Case,
  { observe, onObservation, signal }: CaseRun,
): Promise<CaseResult | undefined> {
  const samples = new Map<string, number[]>(one.contenders.map(({ name }) => [name, []]));
  const hashes = new Map<string, string>();
  for (let round = 0; round < one.rounds; round++) {
    for (const contender of rotated(one.contenders, round)) {
      onObservation(contender.name);
      const observed = await observe(one, contender).catch((error: unknown) => {
        // Ctrl-C reaches the processes of a terminal's group as well.
        if (signal?.aborted === true) return undefined;
        throw error;
      });
      if (observed === undefined || signal?.aborted === true) return undefined;
      const { nsPerOperation, hash } = observed;
      samples.get(contender.name)?.push(nsPerOperation);
      hashes.set(contender.name, hash);
      if (new Set(hashes.values()).size > 1) {
        const list = [...hashes].map(([name, hash]) => `${name} ${hash}`).join(', ');
        throw new WrongWorkError(`${what}: results differ: ${list}`);
      }
    }
  }
  const [baseline = []] = samples.values();
  const contenders = [...samples].map(([name, samples], k): ContenderResult => {
    const time = estimate(samples);
    if (k === 0) return { name, samples, time };
    const ratio = estimate(samples.map((sample, round) => (baseline[round] ?? NaN) / sample));
    return { name, samples, time, ratio, verdict: verdictOf(ratio) };
  });
  const [hash = ''] = hashes.values();
  return { row: one.row, column: one.column, hash, contenders };
}
