/** The documents: docs/track-record.md, and a page for each race in docs/races/. */
import { situationOf } from '../situations.ts';
import type { Earned } from './earn.ts';
import { foundHere } from './entries/found-here.ts';
import type { Entry, Shown } from './entry.ts';
import type { Mutant } from './mutant.ts';
import type { Speed } from './speed.ts';

/** Rows that were earned, by id. */
export type Records = Readonly<Record<string, Earned>>;

/** A group of rows under a heading. */
export interface Group {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** Every document, by its path under docs/. */
export function documents(
  groups: readonly Group[],
  records: Records,
  speed: Speed,
): Map<string, string> {
  const pages = groups
    .flatMap(({ entries }) => entries)
    .flatMap((entry) => {
      const { id, shown } = entry;
      const record = records[id];
      if (shown === undefined || record === undefined) return [];
      return [[`races/${id}.md`, racePage(entry, shown, record)] as const];
    });
  return new Map([['track-record.md', trackRecord(groups, records, speed)], ...pages]);
}

function trackRecord(groups: readonly Group[], records: Records, speed: Speed): string {
  const all = groups.flatMap(({ entries }) => entries);
  const earned = all.filter(({ id, shown }) => shown !== undefined && id in records);
  const misuses = earned.filter(({ shown }) => shown!.isMisuse === true);
  const changed = earned.filter(({ shown }) => shown!.mutant !== undefined);
  const found = foundHere.filter((entry) => earned.includes(entry));
  return `# Track record

Races and defects of Linux's mmu notifiers and of the drivers that used them, found again by the explorer in the packages of this
repository: **${earned.length} of ${all.length} rows**. Each links to its smallest failing schedule; a row without one says why there is none.
Of these rows, ${misuses.length} are of somebody who misuses a notifier that is right (${list(misuses)}), ${changed.length} is of a copy that was changed (${list(changed)}), and ${found.length} are
findings about the models that have no id elsewhere (${list(found)}).

This file is written by \`npm run track-record\`. \`npm run track-record -- --check\` replays every schedule, goes through every order again
where the race is mended, and fails on any difference.

## How to read it

Nobody wrote an interleaving down. The situations (\`npm run explore -- --help\`) say who is there: a device that faults, one that comes or goes, a section,
a reaper that may not wait, the end of the address space. They are written against the contract and are the same for every package, but for a few that need
a legacy list or what a single driver has. The explorer tries the orders, fewest preemptions first, until a promise of the contract is broken. Some
situations were added with one race in mind (\`killed\`, \`sleep-beside\`, \`neighbours\`, \`partial\`, \`exit-nodes\`, and those in which a map is used or a device is careless); they too say only who is there.

- *Schedule*: steps and preemptions of the smallest failing execution. A step is what an actor does between two points at which others may come; in
  shared memory, one synchronisation operation.
- *Orders*: executions until it was found. In shared memory those that differ only in the order of independent operations count as one.
- *Where it is mended*: all orders of the same situation, and none fails.
- Times are of the machine that recorded them, other work going on beside.

**Which id a failure gets** is decided by its shape, which the judge of the situation reports and each row asks for: who hangs after which
step, or what a stale entry missed. \`stale before-after\` is an entry whose fault began before the section that changed the page, and which was
published after that section's end; \`in-in\` began and published inside of it. Each race's page says, in a person's words, why that shape, in that package, is that race;
the shapes were written into the rows after they had been seen. The script checks the shape, not the reasoning.
Where a variant has just that one mended, the page says that no order of it fails in that way. Nothing here is a claim about a running kernel:
rows are about the models, which are made from the kernel's sources and reports.

${groups.map((group) => section(group, records)).join('\n')}
${largeSearches}
${speedOf(speed)}
`;
}

/** Recorded by hand: they are too long to be done again with every change. */
const largeSearches = `## Large searches

Gone through completely, once; the command does it again.

| what | orders, steps | command |
|---|---|---|
| the legacy list with SRCU: unregister against a callback against the release, three threads in shared memory; five minutes beside other work | 13,689,419 orders, 198,759,424 synchronisation operations | \`npm run explore -- --strategy hlist-srcu --scenario unregister --seconds 7200\` |
| the unified notifier: a section, a device that goes, the end of the address space, three threads in shared memory; half a minute | 268,196 orders, 4,010,719 synchronisation operations | \`npm run explore -- --strategy interval --scenario close-exit --seconds 300\` |
`;

function speedOf({ scenario, executions, steps, rates, machine }: Speed): string {
  const [low, median, high] = [rates[0]!, rates[rates.length >> 1]!, rates.at(-1)!];
  return `## Speed

${median} million steps a second on \`interval\`'s three threads of \`${scenario}\` (median of ${rates.length} processes, ${low} to ${high}): ${executions} orders, ${steps} accesses to shared memory; ${machine}.
Processor time, from nothing, learning the code included. Written by \`apps/harness/src/explore/track-record/speed.ts\`.`;
}

function section({ title, entries }: Group, records: Records): string {
  const rows = entries.map((entry) => row(entry, records[entry.id]));
  return `## ${title}

| id | what happens | package, situation | schedule | orders, time | where it is mended |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function row({ id, what, shown, reason }: Entry, record: Earned | undefined): string {
  if (shown === undefined || record === undefined) {
    return `| ${id} | ${cell(what)} | not shown: ${cell(reason ?? '')} | | | |`;
  }
  const { steps, preemptions, executions, ms } = record;
  const where = `\`${shown.strategy}\` ${shown.scenario}${shown.mode === 'shared-memory' ? ', shared memory' : ''}`;
  const changed = shown.mutant === undefined ? '' : ', changed';
  const note = reason === undefined ? '' : ` (${cell(reason)})`;
  return `| [${id}](races/${id}.md) | ${cell(what)}${note} | ${where}${changed} | ${steps} steps, ${preemptions} preemption${preemptions === 1 ? '' : 's'} | ${executions}, ${ms} ms | ${mended(shown, record)} |`;
}

function mended({ without }: Shown, record: Earned): string {
  if (typeof without === 'string') return cell(without);
  const { executions, ms } = record.without!;
  const scenario = without.scenario === undefined ? '' : ` ${without.scenario}`;
  return `\`${without.strategy}\`${scenario}: complete, ${executions} orders, ${ms} ms`;
}

function racePage({ id, what, source, reason }: Entry, shown: Shown, record: Earned): string {
  const { strategy, mutant, scenario, mode = 'event-loop', because, without } = shown;
  const { schedule, steps, preemptions, isMinimal, diagram } = record;
  const { description } = situationOf(scenario, mode)!;
  const only = `--strategy ${strategy} --scenario ${scenario} --mode ${mode}`;
  const where = mode === 'event-loop' ? 'in one event loop' : 'in shared memory';
  const smallest = isMinimal
    ? 'No order that fails in this way has fewer preemptions, or as many and fewer steps'
    : 'The smallest that was found';
  const workers =
    mode === 'shared-memory' ? ' Add `--on workers` for real threads, in lock step.' : '';
  const mendedWords =
    typeof without === 'string'
      ? `${capital(without)}.`
      : `\`${without.strategy}\`${without.scenario === undefined ? '' : ` in \`${without.scenario}\``}: all ${record.without!.executions} orders tried, none fails.`;
  return `# ${id}

${capital(what)}.

Source: ${source}.${reason === undefined ? '' : ` ${capital(reason)}.`}

## The smallest failing order

\`${strategy}\`, situation \`${scenario}\` ${where}: ${description}. ${steps} steps, ${preemptions} preemption${preemptions === 1 ? '' : 's'}. ${smallest}.

\`\`\`
${diagram}
\`\`\`

${capital(because)}.

${mutant === undefined ? `Again: \`npm run explore -- ${only} --replay ${schedule}\`.${workers}` : mutantWords(mutant)}

## Where it is mended

${mendedWords}${apartWords(shown, record)}

Written by \`npm run track-record\`; [all races](../track-record.md).
`;
}

function mutantWords({ file, find, replace }: Mutant): string {
  return `The package never had it. What was explored is a copy with this change in \`${file}\`, made by \`npm run track-record -- --check\`:

\`\`\`diff
${marked(find, '-')}
${marked(replace, '+')}
\`\`\``;
}

function apartWords({ apart, shape }: Shown, record: Earned): string {
  if (apart === undefined) return '';
  return `\n\n\`${apart}\`, which has others of these races: of all ${record.apart!.executions} orders, none fails in this way (\`${shape}\`).`;
}

const list = (entries: readonly Entry[]): string => entries.map(({ id }) => id).join(', ');
const marked = (text: string, mark: string): string => text.replaceAll(/^ {0,4}/gm, `${mark} `);
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const cell = (text: string): string => text.replaceAll('|', '\\|');
