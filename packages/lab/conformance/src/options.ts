/** What the kit is told, and what it makes of that. */
import { checkMethod, NotifierError, type Strategy, type Traits } from '@mmu-notifier/core';
import * as fc from 'fast-check';
import type { Agents } from './agents/agents.ts';
import { catalogue } from './catalogue.ts';
import type { Composed, Subject } from './subject.ts';

/** A promise that a strategy is known to break, and why. */
export interface KnownGap {
  readonly key: string;
  /** The ids of those of the traits' `knownRaces` each of which would do to break it. */
  readonly race?: string | readonly string[];
  /** For what is missing without being a race: why it is. */
  readonly because?: string;
  /** Whether it fails is chance, as with real agents: it may pass too. Another gap must show the race for sure. */
  readonly byChance?: true;
}

/** What is judged. */
export interface JudgeOptions {
  readonly strategy: Strategy;
  /** Default: the first. */
  readonly variant?: string;
  /** Starts other agents: needed by strategies that serve shared memory. See `nodeAgents`. */
  readonly agents?: Agents;
  /** Makes a notifier that shares its address space with another subscriber, for those that can. */
  readonly composed?: () => Composed | Promise<Composed>;
  /** Of random tests. Default: the environment's `MMN_SEED`, or a new one each time. Failures print it. */
  readonly seed?: number;
  /** How much random tests and explorations do: 0.1 is a tenth. Default 1. */
  readonly effort?: number;
}

/** @throws NotifierError `MMN_OPTION` without a strategy, or for a variant that does not exist */
export function subjectOf(options: JudgeOptions): Subject {
  const { strategy, agents, composed, effort = 1 } = options;
  checkMethod(strategy, 'traits', 'options.strategy');
  if (!(effort > 0)) {
    throw new NotifierError(
      'MMN_OPTION',
      `expected effort to be a number above 0, got ${String(effort)}`,
    );
  }
  const traits: Traits = strategy.traits(options.variant);
  const seed = options.seed ?? seedOfEnvironment() ?? fc.sample(fc.nat(2 ** 31 - 1), 1)[0]!;
  return { strategy, variant: traits.variant, traits, agents, composed, seed, effort };
}

/** What is wrong with the gaps that were declared, in sentences. */
export function problemsOfGaps(
  { traits }: Subject,
  gaps: readonly KnownGap[],
  unseenRaces: Readonly<Record<string, string>>,
): string[] {
  const problems: string[] = [];
  const known = new Set(catalogue.map(({ key }) => key));
  const races = new Set(traits.knownRaces.map(({ id }) => id));
  const declared = gaps.map(({ key }) => key);
  for (const key of declared) {
    if (!known.has(key)) problems.push(`'${key}' is no key`);
    if (traits.correct && staleKeys.has(key)) {
      problems.push(`'${key}' is a gap, but the traits claim that no stale entry is ever served`);
    }
  }
  for (const gap of gaps) {
    if (reasonOf(gap) === '')
      problems.push(`'${gap.key}' is a gap that names no race, nor because`);
  }
  if (new Set(declared).size < declared.length) problems.push('a key is a gap twice');
  const isSure = ({ byChance }: KnownGap): boolean => byChance !== true;
  const shown = new Set(gaps.filter(isSure).flatMap(({ race = [] }) => race));
  for (const id of [...shown, ...Object.keys(unseenRaces)]) {
    if (!races.has(id)) problems.push(`'${id}' is none of the traits' known races`);
  }
  for (const [id, why] of Object.entries(unseenRaces)) {
    if (shown.has(id)) problems.push(`the race '${id}' is shown by a gap, and among unseenRaces`);
    if (why === '') problems.push(`the race '${id}' is unseen, and nothing says why`);
  }
  for (const id of races) {
    if (!shown.has(id) && !(id in unseenRaces)) {
      problems.push(`the known race '${id}' is shown by no gap, and not among unseenRaces`);
    }
  }
  return problems;
}

/** Why a promise is broken, in a few words. */
export function reasonOf({ race = [], because = '' }: KnownGap): string {
  return [race, because].flat().filter(Boolean).join(', ');
}

/** Keys that fail only if something stale is served. */
const staleKeys: ReadonlySet<string> = new Set(
  catalogue.flatMap(({ key }) => (/^(S5|R2)\b/.test(key) ? [key] : [])),
);

function seedOfEnvironment(): number | undefined {
  const { process } = globalThis as {
    process?: { env?: Readonly<Record<string, string | undefined>> };
  };
  const text = process?.env?.['MMN_SEED'];
  return text === undefined || text === '' ? undefined : Number(text);
}
