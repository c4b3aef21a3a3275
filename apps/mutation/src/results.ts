/** What the mutation tester looks at, and what it keeps. */

/** One change that was tried. */
export interface Result {
  readonly id: string;
  /** The case of the kit that noticed, `own tests`, or `null`: it survives. */
  readonly killer: string | null;
  /** Why it is no mistake, or what does not see it. Written by hand. */
  readonly reason?: string;
}

interface Target {
  readonly folder: string;
  /** A strategy that stands on it. */
  readonly judge: { readonly module: string; readonly exportName: string };
}

const strategy = (name: string, exportName: string): Target['judge'] => ({
  module: `packages/strategies/${name}/src/index.ts`,
  exportName,
});

/** See the file's head. */
export const packages: Readonly<Record<string, Target>> = {
  interval: { folder: 'packages/strategies/interval', judge: strategy('interval', 'interval') },
  'hlist-srcu': {
    folder: 'packages/strategies/hlist-srcu',
    judge: strategy('hlist-srcu', 'hlistSrcu'),
  },
  sync: { folder: 'packages/foundation/sync', judge: strategy('hlist-srcu', 'hlistSrcu') },
  'interval-tree': {
    folder: 'packages/foundation/interval-tree',
    judge: strategy('interval', 'interval'),
  },
};
