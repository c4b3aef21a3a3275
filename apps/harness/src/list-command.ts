/** `list`: what there is to compare. */
import Table from 'cli-table3';
import { Command } from 'commander';
import { workloads } from '@mmu-notifier/workloads';
import { embeddedRecordings } from '@mmu-notifier/workloads/node';
import { contenders } from './strategies.ts';

/** The command, for commander. */
export const listCommand: Command = new Command('list')
  .description('List the strategies, workloads and recordings.')
  .option('--json', 'as JSON')
  .action((options: { json?: true }) => {
    const strategies = contenders.map(({ label, traits }) => ({ label, ...traits }));
    if (options.json === true) {
      console.log(
        JSON.stringify({ strategies, workloads, recordings: embeddedRecordings }, null, 2),
      );
      return;
    }
    print(
      'Strategies (--strategy)',
      strategies.map(({ label, summary, correct, knownRaces }) => [
        label,
        correct
          ? summary
          : `${summary} (known races: ${knownRaces.map(({ id }) => id).join(', ')})`,
      ]),
    );
    print(
      'Workloads (--workload)',
      workloads.map(({ name, description }) => [name, description]),
    );
    print(
      'Recordings (--trace packages/lab/workloads/recordings/FILE)',
      embeddedRecordings.map(({ file, description }) => [file, description]),
    );
  });

function print(title: string, rows: readonly (readonly [string, string])[]): void {
  const view = new Table({
    colWidths: [28, 90],
    wordWrap: true,
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    style: { head: [], border: [] },
  });
  view.push(...rows.map((row) => [...row]));
  console.log(`${title}\n${view.toString()}\n`);
}
