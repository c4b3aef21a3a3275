/** `--record`: results as JSON into `results/`, tables into the README between markers. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './runner.ts';
import { LEGEND, markdownOf } from './table.ts';

const FOLDER = join(import.meta.dirname, '..');

export function record(report: Report): void {
  mkdirSync(join(FOLDER, 'results'), { recursive: true });
  const readme = join(FOLDER, 'README.md');
  let text = readFileSync(readme, 'utf8');
  for (const section of report.sections) {
    const one: Report = { ...report, sections: [section] };
    writeFileSync(
      join(FOLDER, 'results', `${section.name}.json`),
      `${JSON.stringify(one, undefined, 1)}\n`,
    );
    text = replaceBetween(text, section.name, `${LEGEND}\n\n${markdownOf(report, section)}`);
  }
  writeFileSync(readme, text);
}

/** Replaces what is between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; adds the markers at the end when they are missing. */
export function replaceBetween(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) return `${text.trimEnd()}\n\n${open}\n${content}\n${close}\n`;
  return `${text.slice(0, start + open.length)}\n${content}\n${text.slice(end)}`;
}
