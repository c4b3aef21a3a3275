/** Other agents, as the kit needs them: whoever runs the kit elsewhere than in Node.js brings some of its own. */
import type { Job } from './jobs.ts';

/** What an agent of its own gets: everything can be cloned to it. */
export interface AgentData {
  /** The module that exports the strategy: the agent imports it for itself. */
  readonly module: string;
  readonly exportName: string;
  readonly job: Job;
  /** The notifier's memory, and that of the board. */
  readonly memory: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
}

/** Starts agents. For Node.js `nodeAgents` of `@mmu-notifier/conformance/agents`. */
export interface Agents {
  readonly module: string;
  readonly exportName: string;
  /** Starts one that calls `performJob`; resolves to what that returns, rejects with what it throws. */
  start(data: AgentData): Promise<number>;
}
