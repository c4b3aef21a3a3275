/** The tables of all packages, by what one imports. */
import { core, diagnostics } from './core.ts';
import { agents, bareTree, derived, intervalTree, intervalTree1d, sync } from './foundation.ts';
import {
  addressSpace,
  conformanceAgents,
  conformanceKit,
  explorer,
  explorerWorkers,
  recordings,
  workloads,
} from './lab.ts';
import type { Table } from './misuse.ts';
import { strategies } from './strategies.ts';

export const tables: Readonly<Record<string, Table>> = {
  '@mmu-notifier/core': core,
  '@mmu-notifier/core/diagnostics': diagnostics,
  '@mmu-notifier/derived': derived,
  '@mmu-notifier/index-interval-tree-1d': intervalTree1d,
  '@mmu-notifier/interval-tree': intervalTree,
  '@mmu-notifier/interval-tree/bare': bareTree,
  '@mmu-notifier/sync': sync,
  '@mmu-notifier/sync/agents': agents,
  '@mmu-notifier/address-space': addressSpace,
  '@mmu-notifier/conformance': conformanceKit,
  '@mmu-notifier/conformance/agents': conformanceAgents,
  '@mmu-notifier/explorer': explorer,
  '@mmu-notifier/explorer/workers': explorerWorkers,
  '@mmu-notifier/workloads': workloads,
  '@mmu-notifier/workloads/node': recordings,
  ...strategies,
};
