/** Mutant × key: what each broken strategy fails. */
import { availableParallelism } from 'node:os';
import type { Mutant } from './mutant.ts';
import { judgeMutant, type Verdicts } from './judge-mutant.ts';
import { steadyKeys } from './mutant.ts';

/** What came of one mutant. */
export interface Outcome {
  readonly mutant: Mutant;
  /** Keys that failed in some mode, in the order of the catalogue. */
  readonly failed: readonly string[];
  readonly isKilled: boolean;
}

/** What random tests and explorations do: enough for the mutants, seen by trying. */
const effort = 0.5;

/** Judges mutants, some at a time, by all steady keys and by the one that each names. */
export async function judgeAll(
  mutants: readonly Mutant[],
  onOutcome: (outcome: Outcome) => void = () => {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await eachOf(mutants, async (mutant, at) => {
    const only = [...new Set([...steadyKeys, mutant.kills])];
    const outcome = outcomeOf(mutant, await judgeWith(mutant, only));
    outcomes[at] = outcome;
    onOutcome(outcome);
  });
  return outcomes;
}

/** Does something with each, on as many processors as there are. */
export async function eachOf<T>(
  items: readonly T[],
  act: (item: T, at: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  const work = async (): Promise<void> => {
    for (const [at, item] of queue) await act(item, at);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

/** Judges one mutant by the key that it names alone. */
export async function isKilled(mutant: Mutant): Promise<boolean> {
  const verdicts = await judgeWith(mutant, [mutant.kills], hasFailed);
  return outcomeOf(mutant, verdicts).isKilled;
}

function judgeWith(
  { strategy, exportName, variant, patch }: Mutant,
  only: readonly string[],
  isEnough?: (verdicts: Verdicts) => boolean,
): Promise<Verdicts> {
  const entry = strategy === 'interval' ? 'variants' : 'index'; // all its variants, and the checks
  const module = `packages/strategies/${strategy}/src/${entry}.ts`;
  return judgeMutant({ module, exportName, variant, only, effort }, patch, isEnough);
}

function hasFailed(verdicts: Verdicts): boolean {
  return [...verdicts.values()].some((failure) => failure !== null);
}

function outcomeOf(mutant: Mutant, verdicts: Verdicts): Outcome {
  const failed = new Set<string>();
  for (const [id, failure] of verdicts) if (failure !== null) failed.add(id.split(' ')[0]!);
  return { mutant, failed: [...failed], isKilled: failed.has(mutant.kills) };
}

/** The matrix as text: a line for each mutant, the named key first. */
export function matrixText(outcomes: readonly Outcome[]): string {
  return outcomes
    .map(({ mutant: { name, kills }, failed, isKilled: isIt }) => {
      const others = failed.filter((key) => key !== kills);
      return `${name}\n    ${isIt ? '' : 'NOT '}${kills}${others.length > 0 ? `; ${others.join(' ')}` : ''}\n`;
    })
    .join('');
}

/** Each mutant's part of the text, by its name. */
export function parseMatrix(text: string): Map<string, string> {
  return new Map(
    text.match(/^\S.*\n {4}.*\n/gm)?.map((part) => [part.slice(0, part.indexOf('\n')), part]),
  );
}
