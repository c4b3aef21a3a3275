/**
 * Broken strategies under the explorer: who is broken in an order is caught by an interleaving of a general situation, too, one that
 * nobody wrote for it. The table is kept in explored.txt.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eachOf } from './matrix.ts';
import type { Broken } from './mutant.ts';
import { patchVariable, root } from './patch.ts';

/** A failing schedule of a broken strategy, or that none was found. */
export type Explored =
  | {
      readonly name: string;
      readonly mode: string;
      readonly scenario: string;
      /** What was found, in few words. */
      readonly what: string;
      /** Of the schedule. */
      readonly steps: number;
      readonly preemptions: number;
      /** Until it was found. */
      readonly executions: number;
      readonly seconds: number;
    }
  | { readonly name: string };

/** The part of a row of `npm run explore -- --json` that is used here. */
interface Row {
  readonly mode: string;
  readonly scenario: string;
  readonly verdict: string;
  readonly shape: string | null;
  readonly steps: number | null;
  readonly preemptions: number | null;
  readonly counts: { readonly executions: number; readonly seconds: number };
}

/** Most bugs need one preemption or two; what two steps of one do beside two looks of another needs three. */
const threads = ['--mode', 'shared-memory', '--preemptions', '3', '--seconds', '20'];
const events = ['--mode', 'event-loop', '--seconds', '10'];
/** Situations that not every scheme is made for. */
const sleepers = ['abandoned', 'abandoned-fault', 'install', 'install-close', 'sleep-fault-close'];
const queues = ['install-queue', 'install-queue-close', 'reap-sleep', 'beside', 'two-waits'];
const crowds = ['two-sections', 'two-faults', 'fault-close', 'close-exit'];

const inBothModes = [
  threads,
  events,
  [...events, '--scenario', [...sleepers, ...queues].join()],
  ['--mode', 'shared-memory', '--preemptions', '2', '--seconds', '60', '--scenario', crowds.join()],
];

/** Where callbacks run on their owners. */
const owners = 'owner-run,owner-reap,owner-close,owner-publish,owner-again,owner-each-other';
const inOwners = [
  ['--mode', 'shared-memory', '--preemptions', '2', '--seconds', '30', '--scenario', owners],
];

const inEvents = [events, [...events, '--scenario', 'reap-sleep,beside']];

/** Arguments of the searches that are made, one after the other until something is found. */
const searchesOf: Readonly<Record<string, readonly (readonly string[])[]>> = {
  interval: inBothModes,
  'hlist-srcu': inBothModes,
  reference: [...inBothModes, [...events, '--scenario', 'later']],
};

function searchesFor({ name, strategy }: Broken): readonly (readonly string[])[] {
  return name.startsWith('mailbox: ') ? inOwners : (searchesOf[strategy] ?? inEvents);
}

/** A search that says nothing for so long does not end. */
const hangMs = 300_000;

/** Looks for each, some at a time. */
export async function exploreAll(
  mutants: readonly Broken[],
  onExplored: (explored: Explored) => void = () => {},
): Promise<Explored[]> {
  const table: Explored[] = [];
  await eachOf(mutants, async (mutant, at) => {
    onExplored((table[at] = await exploreMutant(mutant)));
  });
  return table;
}

async function exploreMutant(mutant: Broken): Promise<Explored> {
  for (const search of searchesFor(mutant)) {
    const found = await explore(mutant, search);
    if (found !== undefined) return found;
  }
  return { name: mutant.name };
}

/** Looks again where something was found before. Returns what is found there now, if anything. */
export function exploreAgain(
  mutant: Broken,
  { mode, scenario }: { readonly mode: string; readonly scenario: string },
): Promise<Explored | undefined> {
  const search = searchesFor(mutant).find((args) => args.includes(mode))!;
  const isNamed = search.indexOf('--scenario');
  const general = isNamed === -1 ? search : search.slice(0, isNamed);
  return explore(mutant, [...general, '--scenario', scenario]);
}

async function explore(mutant: Broken, args: readonly string[]): Promise<Explored | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-explored-'));
  const file = join(folder, 'rows.json');
  try {
    await run(mutant, ['--first', '--json', file, ...args]);
    const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: readonly Row[] };
    const row = rows.find(({ verdict }) => verdict !== 'ok');
    if (row === undefined) return undefined;
    const { mode, scenario, verdict, shape, steps, preemptions, counts } = row;
    return {
      name: mutant.name,
      mode,
      scenario,
      what: (shape ?? verdict).split(' (')[0]!,
      steps: steps!,
      preemptions: preemptions!,
      executions: counts.executions,
      seconds: counts.seconds,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The command line, in a process of its own whose modules are changed as the mutant says. */
async function run({ strategy, variant, patch }: Broken, args: readonly string[]): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@mmu-notifier/source',
      '--import',
      join(import.meta.dirname, 'patch-hook.ts'),
      join(root, 'apps/harness/src/main.ts'),
      'explore',
      '--strategy',
      variant === undefined ? strategy : `${strategy}:${variant}`,
      ...args,
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: hangMs,
      env: { ...process.env, [patchVariable]: patch === undefined ? '' : JSON.stringify(patch) },
    },
  );
  let errors = '';
  child.stderr.on('data', (text: Buffer) => void (errors += text.toString()));
  const code = await new Promise((resolve) => void child.on('close', resolve));
  if (code === 0 || code === 1 || code === 3) return;
  throw new Error(`explore ended with code ${String(code)}: ${errors.slice(0, 1000)}`);
}

const notFound = 'NOT FOUND';
const columns = 'broken strategy | situation | found | steps | preemptions | executions | seconds';

/** The table as text. */
export function exploredText(table: readonly Explored[]): string {
  return `${columns}\n${table.map(lineOf).join('')}`;
}

function lineOf(explored: Explored): string {
  if (!('what' in explored)) return `${explored.name} | ${notFound}\n`;
  const { name, mode, scenario, what, steps, preemptions, executions, seconds } = explored;
  const cells = [name, `${mode} ${scenario}`, what, steps, preemptions, executions];
  return `${[...cells, seconds.toFixed(1)].join(' | ')}\n`;
}

/** The table from its text. */
export function parseExplored(text: string): Explored[] {
  const [, ...lines] = text.trimEnd().split('\n');
  return lines.map((line) => {
    const [name = '', where = '', what = '', ...numbers] = line.split(' | ');
    if (where === notFound) return { name };
    const [mode = '', scenario = ''] = where.split(' ');
    const [steps = NaN, preemptions = NaN, executions = NaN, seconds = NaN] = numbers.map(Number);
    return { name, mode, scenario, what, steps, preemptions, executions, seconds };
  });
}
