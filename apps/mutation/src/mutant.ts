/** A broken strategy: a shipped one with one small change, or one of its faithful variants, and the key that must catch it. */
import { catalogue } from '@mmu-notifier/conformance';
import type { Patch } from './patch.ts';

/** What is broken, and which strategy shows it. */
export interface Broken {
  readonly name: string;
  /** The folder of the strategy's package, and its export. */
  readonly strategy: string;
  readonly exportName: string;
  readonly variant?: string;
  /** None: the variant itself is broken. The file is one of the package's `src`, unless it begins with `packages/`. */
  readonly patch?: Patch;
  /**
   * What makes it a mistake of order: what comes too early, too late or not at all for another agent, so that only some
   * interleavings show it. The explorer must find one: see explored.txt.
   */
  readonly ordering?: string;
}

/** See the file's head. */
export interface Mutant extends Broken {
  /** The key that must fail. */
  readonly kills: string;
}

/** The changes of one strategy's sources, as lists: name, file, what is found, what comes in its place, the key, and the order that is broken. */
export type Row = readonly [
  name: string,
  file: string,
  find: string,
  replace: string,
  kills: string,
  ordering?: string,
];

/** @param strategy the package's folder */
export function mutantsOf(
  strategy: string,
  exportName: string,
  variant: string | undefined,
  rows: readonly Row[],
): Mutant[] {
  return rows.map(([name, file, find, replace, kills, ordering]) => ({
    name: `${strategy}: ${name}`,
    strategy,
    exportName,
    ...(variant === undefined ? {} : { variant }),
    patch: {
      file: file.startsWith('packages/') ? file : `packages/strategies/${strategy}/src/${file}`,
      find,
      replace,
    },
    kills,
    ...(ordering === undefined ? {} : { ordering }),
  }));
}

/** Keys that one agent shows, always the same. The others run only for mutants that name them. */
export const steadyKeys: readonly string[] = catalogue
  .filter(({ way }) => way !== 'agents' && way !== 'explorer')
  .map(({ key }) => key);
