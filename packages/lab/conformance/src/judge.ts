/** The kit without a runner: which keys hold. */
import { NotifierError } from '@mmu-notifier/core';
import { catalogue } from './catalogue.ts';
import { conditions, type Key, type Way } from './key.ts';
import { subjectOf, type JudgeOptions } from './options.ts';
import type { Mode, Subject } from './subject.ts';
import { World } from './world.ts';

/** One key in one mode: what a runner calls a test. */
export interface Case {
  readonly key: Key;
  readonly mode: Mode;
  /** Of all cases of a key and a mode there is one; this tells them apart in a report: `S1 in event-loop`. */
  readonly id: string;
  run(): Promise<void>;
}

/** How one case ended. */
export interface Verdict {
  readonly key: string;
  readonly mode: Mode;
  /** `undefined`: the promise is kept. */
  readonly failure: Error | undefined;
}

const modesOf: Readonly<Record<Way, readonly Mode[]>> = {
  each: ['event-loop', 'shared-memory'],
  'event-loop': ['event-loop'],
  'shared-memory': ['shared-memory'],
  machine: ['event-loop'],
  once: ['event-loop'],
  agents: ['shared-memory'],
  explorer: ['shared-memory'],
};

/** Whether a key says anything of this strategy. */
export function applies({ when }: Key, { traits, composed }: Subject): boolean {
  if (when === undefined) return true;
  if (when === 'composes with another notifier') return composed !== undefined;
  return conditions[when](traits);
}

/** What runs, in order. */
export function casesOf(subject: Subject): Case[] {
  const { traits, agents } = subject;
  return traits.modes.flatMap((mode) =>
    catalogue
      .filter((key) => applies(key, subject) && modesOf[key.way].includes(mode))
      .map((key) => ({
        key,
        mode,
        id: `${key.key} in ${mode}`,
        run: async () => {
          if (needsAgents(key) && agents === undefined) throw new Error(agentsMissing);
          try {
            await key.run(new World(subject, mode));
          } catch (error) {
            throw explained(error, key, subject);
          }
        },
      })),
  );
}

function needsAgents({ way }: Key): boolean {
  return way === 'agents' || way === 'explorer';
}

const agentsMissing =
  'expected the option `agents`, since the traits say that the strategy serves shared memory, got none: see nodeAgents of @mmu-notifier/conformance/agents';

/** The error itself, since runners print its two sides, with what was promised. */
function explained(error: unknown, { key, promise, source }: Key, subject: Subject): Error {
  const { strategy, variant, seed } = subject;
  const failure = error instanceof Error ? error : new Error(String(error));
  const promised = `${strategy.name}:${variant} ${promise}`;
  try {
    failure.message += `\n\n[${key}] ${promised}\nSource: ${source}\nSeed: MMN_SEED=${seed}`;
  } catch {
    return new Error(`[${key}] ${promised}`, { cause: failure });
  }
  return failure;
}

/** Options of {@link judge}. */
export interface JudgeSelection extends JudgeOptions {
  /** Only these keys. */
  readonly only?: readonly string[];
  /** Not these cases: by their ids, as `S1 in event-loop`. */
  readonly without?: readonly string[];
  /** Called before each case. */
  readonly onCase?: (id: string) => void;
}

/** Runs every key that applies, one after the other. @throws NotifierError `MMN_OPTION` */
export async function* judge(options: JudgeSelection): AsyncGenerator<Verdict, void, void> {
  const { only, without = [], onCase } = options;
  const unknown = only?.find((wanted) => catalogue.every(({ key }) => key !== wanted));
  if (unknown !== undefined) {
    throw new NotifierError(
      'MMN_OPTION',
      `expected only to name keys of the catalogue, got '${unknown}'`,
    );
  }
  for (const { key, mode, id, run } of casesOf(subjectOf(options))) {
    if (only !== undefined && !only.includes(key.key)) continue;
    if (without.includes(id)) continue;
    onCase?.(id);
    let failure: Error | undefined;
    try {
      await run();
    } catch (error) {
      failure = error as Error;
    }
    yield { key: key.key, mode, failure };
  }
}
