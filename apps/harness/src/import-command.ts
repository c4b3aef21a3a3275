/** `import`: what a recording holds, before it is compared. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { countKinds, validate, type MemoryEvent } from '@mmu-notifier/workloads';
import { readRecording } from '@mmu-notifier/workloads/node';
import { exitCodes } from './errors.ts';
import { outputFile } from './options.ts';

interface Options {
  readonly strict?: true;
  readonly json?: true;
  readonly out?: string;
}

/** The command, for commander. */
export const importCommand: Command = new Command('import')
  .description(
    'Read a recording (perf script or strace, plain or gzip) and say what is in it: events by kind, lines that no reader knows.',
  )
  .argument('<file>', 'the recording')
  .option('--strict', 'lines that are not known are errors')
  .option('--json', 'say it as JSON')
  .option('--out <file>', 'write the event stream, one JSON object a line', outputFile)
  .action(async (file: string, options: Options) => {
    process.exitCode = await runImport(file, options);
  });

async function runImport(file: string, options: Options): Promise<number> {
  const { events, summary } = await readRecording(file, { strict: options.strict ?? false });
  const kinds = countKinds(events);
  const violations = validate(events);
  if (options.json === true) {
    console.log(JSON.stringify({ file, kinds, summary, violations }, null, 2));
  } else {
    console.log(`${file}: ${summary.format}, ${summary.lines} lines, ${summary.events} events`);
    for (const [kind, count] of Object.entries(kinds)) console.log(`  ${kind.padEnd(14)} ${count}`);
    for (const [reason, count] of Object.entries(summary.unknown)) {
      console.log(`  not known      ${count} (${reason})`);
    }
    for (const { index, message } of violations) console.log(`  event ${index}: ${message}`);
  }
  if (options.out !== undefined)
    await pipeline(Readable.from(lines(events)), createWriteStream(options.out));
  return violations.length > 0 ? exitCodes.violation : exitCodes.ok;
}

function* lines(events: readonly MemoryEvent[]): Generator<string> {
  for (const event of events) yield `${JSON.stringify(event)}\n`;
}
