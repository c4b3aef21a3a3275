/** What the mutation tester looks at, and what it keeps. */

/** One change that was tried. */
export interface Result {
  readonly id: string;
  /** The test that noticed, as `file: title`, or `null`: it survives. */
  readonly killer: string | null;
  /** The tests of threads and processes, which are slow, have not been asked. */
  readonly isOpen?: true;
  /** Why it is no mistake, or what does not see it. Written by hand. */
  readonly reason?: string;
}

interface Target {
  readonly folder: string;
  /** Files that judge by the kit: a strategy that stands on it. */
  readonly kits: readonly string[];
}

const kit = (strategy: string): string =>
  `packages/strategies/${strategy}/test/conformance.test.ts`;

/** See the file's head. */
export const packages: Readonly<Record<string, Target>> = {
  interval: { folder: 'packages/strategies/interval', kits: [kit('interval')] },
  // Its parts for drivers are what the drivers' schemes are made of.
  'hlist-srcu': {
    folder: 'packages/strategies/hlist-srcu',
    kits: [
      'hlist-srcu',
      'hmm',
      'umem-odp',
      'i915-userptr',
      'radeon-mn',
      'amdgpu-mn',
      'hfi1-mmu-rb',
      'scif-dma',
      'vhost',
      'gntdev',
      'kvm',
    ].map(kit),
  },
  sync: { folder: 'packages/foundation/sync', kits: [kit('hlist-srcu'), kit('interval')] },
  'interval-tree': { folder: 'packages/foundation/interval-tree', kits: [kit('interval')] },
};
