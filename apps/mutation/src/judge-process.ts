/**
 * A process of its own, judging one broken strategy: it may hang, spin or throw from nowhere. Prints a line of JSON before and
 * after each case. Arguments: a JSON of {@link Assignment}.
 */
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { judge, type JudgeOptions } from '@mmu-notifier/conformance';
import { nodeAgents } from '@mmu-notifier/conformance/agents';
import type { Strategy } from '@mmu-notifier/core';
import { composedOf } from './composed.ts';
import { root } from './patch.ts';

/** What to judge, and by what. */
export interface Assignment {
  /** The strategy's module, from the repository's root, and its export. */
  readonly module: string;
  readonly exportName: string;
  readonly variant: string | undefined;
  /** Keys to judge by. */
  readonly only: readonly string[];
  /** Cases to leave out: they did not end. */
  readonly without: readonly string[];
  readonly effort: number;
}

/** What it prints. */
export type Line =
  | { readonly begins: string }
  | { readonly ends: string; readonly failure: string | null };

const assignment = JSON.parse(process.argv[2]!) as Assignment;
const url = pathToFileURL(join(root, assignment.module));
const exports = (await import(url.href)) as Record<string, Strategy>;
const strategy = exports[assignment.exportName]!;

// What a broken strategy leaves behind is no verdict on the next key.
process.on('unhandledRejection', () => {});
process.on('uncaughtException', () => {});

const say = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const agents = nodeAgents(url, assignment.exportName, { execArgv: process.execArgv });
const composed = composedOf(strategy, assignment.variant);
const options: JudgeOptions = {
  strategy,
  agents,
  seed: 1,
  effort: assignment.effort,
  ...(assignment.variant === undefined ? {} : { variant: assignment.variant }),
  ...(composed === undefined ? {} : { composed }),
};
const verdicts = judge({
  ...options,
  only: assignment.only,
  without: assignment.without,
  onCase: (begins) => say({ begins }),
});
for await (const { key, mode, failure } of verdicts) {
  say({ ends: `${key} in ${mode}`, failure: failure?.message.split('\n')[0] ?? null });
}
process.exit(0);
