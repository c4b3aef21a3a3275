/** `--record`: results as JSON into `results/`, tables between markers of the README, and what other pages quote between theirs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ratiosOf } from './excerpt.ts';
import type { Report, SectionResult } from './runner.ts';
import { LEGEND, markdownOf } from './table.ts';

const FOLDER = join(import.meta.dirname, '..');

/** What stands between a section's markers in a file. */
export interface Page {
  readonly section: string;
  readonly file: string;
  readonly render: (report: Report, section: SectionResult) => string;
}

const tables = (report: Report, section: SectionResult): string =>
  `${LEGEND}\n\n${markdownOf(report, section)}`;

/** Pages besides the README here, which has the tables of all sections. */
export const PAGES: readonly Page[] = [
  { section: 'tree', file: '../packages/foundation/interval-tree/README.md', render: ratiosOf },
  { section: 'wasm', file: '../docs/design.md', render: tables },
];

export function record(report: Report): void {
  mkdirSync(join(FOLDER, 'results'), { recursive: true });
  for (const section of report.sections) {
    const one: Report = { ...report, sections: [section] };
    writeFileSync(
      join(FOLDER, 'results', `${section.name}.json`),
      `${JSON.stringify(one, undefined, 1)}\n`,
    );
    const pages = [{ section: section.name, file: 'README.md', render: tables }, ...PAGES];
    for (const { file, render } of pages.filter((page) => page.section === section.name)) {
      const path = join(FOLDER, file);
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, replaceBetween(text, section.name, render(report, section)));
    }
  }
}

/** Replaces what is between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; adds the markers at the end when they are missing. */
export function replaceBetween(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) return `${text.trimEnd()}\n\n${open}\n${content}\n${close}\n`;
  return `${text.slice(0, start + open.length)}\n${content}\n${text.slice(end)}`;
}
