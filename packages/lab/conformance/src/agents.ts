/** Worker threads of Node.js as the kit's agents. The only entry of this package that needs Node.js. */
import { Worker } from 'node:worker_threads';
import type { AgentData, Agents } from './agents/agents.ts';
import type { Report } from './agents/worker.ts';
import { CheckFailed } from './check.ts';

export { performJob } from './agents/jobs.ts';

/** Options of {@link nodeAgents}. */
export interface NodeAgentsOptions {
  /** Arguments of Node.js for each worker, as loaders and conditions. Default: those of this process. */
  readonly execArgv?: readonly string[];
}

/**
 * Worker threads that import the strategy for themselves.
 *
 * ```ts
 * const agents = nodeAgents(new URL('../src/index.ts', import.meta.url), 'interval');
 * ```
 *
 * @param module what each worker imports: a URL, or the name of an installed package
 * @param exportName the name under which the module exports the strategy
 */
export function nodeAgents(
  module: URL | string,
  exportName: string,
  options: NodeAgentsOptions = {},
): Agents {
  // From the sources, when this package itself runs from them.
  const isSource = import.meta.url.endsWith('.ts');
  const conditions = isSource ? ['--conditions=@mmu-notifier/source'] : process.execArgv;
  const execArgv = [...(options.execArgv ?? conditions)];
  const file = new URL(isSource ? './agents/worker.ts' : './agents/worker.js', import.meta.url);
  return {
    module: String(module),
    exportName,
    start(data: AgentData): Promise<number> {
      return new Promise((resolve, reject) => {
        const worker = new Worker(file, { workerData: data, execArgv });
        worker.once('message', (report: Report) => {
          if ('result' in report) resolve(report.result);
          else reject(new CheckFailed(report.failure));
        });
        worker.on('error', reject);
        worker.once('exit', (code) => reject(new Error(`the agent ended with code ${code}`)));
      });
    },
  };
}
