/** Numbers in the README stand between markers and are written by the script that measured them. */
import { readFileSync, writeFileSync } from 'node:fs';

const readme = new URL('../README.md', import.meta.url);

/** Puts a line between `<!-- name -->` and `<!-- /name -->`. */
export function writeSection(name: string, line: string): void {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const text = readFileSync(readme, 'utf8');
  const from = text.indexOf(start) + start.length;
  const to = text.indexOf(end);
  if (from < start.length || to < from) throw new Error(`expected ${start} … ${end} in the README`);
  writeFileSync(readme, `${text.slice(0, from)}\n${line}\n${text.slice(to)}`);
}
