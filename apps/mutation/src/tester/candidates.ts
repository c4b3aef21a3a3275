/** Everything that could be changed in a package, in an order that a seed makes. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changesOf, type Change } from '../operators.ts';

/** See the file's head. A place is known by its line's text, which outlives other edits, and counted where a file has it again. */
export interface Candidate extends Change {
  /** From the repository's root. */
  readonly file: string;
  readonly id: string;
}

/** @param folder the package's, from the root */
export function candidatesOf(root: string, folder: string, seed: number): Candidate[] {
  const all = sourcesOf(root, folder).flatMap((file) => {
    const source = readFileSync(join(root, file), 'utf8');
    const times = new Map<string, number>();
    return changesOf(source).map((change) => {
      const lineStart = source.lastIndexOf('\n', change.start) + 1;
      const line = source.slice(lineStart, source.indexOf('\n', change.end)).trim();
      const column = change.start - lineStart;
      const id = `${file}: ${line} [${column}] ${change.operator}`;
      const time = (times.get(id) ?? 0) + 1;
      times.set(id, time);
      return { ...change, file, id: time === 1 ? id : `${id} (${time})` };
    });
  });
  let x = seed;
  const random = (below: number): number => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((x / 2 ** 32) * below);
  };
  for (let at = all.length - 1; at > 0; at--) {
    const other = random(at + 1);
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  return all;
}

/** The package's sources, from the root. */
export function sourcesOf(root: string, folder: string): string[] {
  return globSync(`${folder}/src/**/*.ts`, { cwd: root }).sort();
}
