/** What the command line asks for. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command, CommanderError } from 'commander';
import type { Level, Section } from './section.ts';
import { SECTIONS, SHORT_SECTIONS } from './sections/index.ts';

export interface Options {
  level: Level;
  sections: readonly Section[];
  json?: string;
  compare?: string;
  record: boolean;
}

/** Parses `process.argv`. Returns an exit code instead when there is nothing to run: 0 after --help, 2 after one line on what is wrong. */
export function parseArgs(argv: readonly string[]): Options | number {
  const command = new Command('bench')
    .description(
      'Compares the packages with one another and with what else there is, each observation in a process of its own.',
    )
    .option(
      '--only <name>',
      `run one section (or several, with commas): ${SECTIONS.map(({ name }) => name).join(', ')}`,
    )
    .option('--smoke', 'the smallest sizes, once: shows that everything runs, not how fast')
    .option('--full', 'all sizes, more rounds: numbers to publish; takes long')
    .option('--json <file>', 'write the results as JSON')
    .option(
      '--compare <file>',
      'compare with an earlier run, written by --json; exit code 1 when a verdict changed',
    )
    .option('--record', 'write results/ and the tables of the README')
    .addHelpText(
      'after',
      '\nWithout --smoke, --full or --only: the short comparison, under three minutes. It leaves out wasm. A section that --only names has more rows, and takes up to ten minutes.',
    )
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  try {
    command.parse(argv);
    return check(command.opts());
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const message = error instanceof Error ? error.message.replace(/^error: /, '') : String(error);
    console.error(`bench: ${message} (--help says what there is)`);
    return 2;
  }
}

interface RawOptions {
  only?: string;
  smoke?: boolean;
  full?: boolean;
  json?: string;
  compare?: string;
  record?: boolean;
}

function check({
  only,
  smoke = false,
  full = false,
  json,
  compare,
  record = false,
}: RawOptions): Options {
  if (smoke && full) throw new Error('expected --smoke or --full, got both');
  for (const file of [json, compare]) {
    if (file !== undefined && !existsSync(dirname(file)))
      throw new Error(`no folder ${dirname(file)}`);
  }
  const sections = only?.split(',').map((name) => {
    const section = SECTIONS.find((section) => section.name === name);
    if (section !== undefined) return section;
    throw new Error(
      `expected one of ${SECTIONS.map(({ name }) => name).join(', ')} after --only, got ${name}`,
    );
  });
  const level = smoke ? 'smoke' : full ? 'full' : sections === undefined ? 'short' : 'alone';
  return {
    level,
    sections: sections ?? (level === 'short' ? SHORT_SECTIONS : SECTIONS),
    ...(json === undefined ? {} : { json }),
    ...(compare === undefined ? {} : { compare }),
    record,
  };
}
