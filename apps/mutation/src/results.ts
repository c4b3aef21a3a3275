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
  readonly judge: {
    readonly module: string;
    readonly exportName: string;
    readonly variants: readonly string[];
  };
}

const strategy = (name: string, exportName: string, ...variants: string[]): Target['judge'] => ({
  module: `packages/strategies/${name}/src/index.ts`,
  exportName,
  variants,
});

/** See the file's head. */
export const packages: Readonly<Record<string, Target>> = {
  interval: {
    folder: 'packages/strategies/interval',
    judge: strategy('interval', 'interval', 'landed', 'scoped'),
  },
  'hlist-srcu': {
    folder: 'packages/strategies/hlist-srcu',
    judge: strategy('hlist-srcu', 'hlistSrcu', 'fixed'),
  },
  sync: { folder: 'packages/foundation/sync', judge: strategy('hlist-srcu', 'hlistSrcu', 'fixed') },
  'interval-tree': {
    folder: 'packages/foundation/interval-tree',
    judge: strategy('interval', 'interval', 'landed'),
  },
};
