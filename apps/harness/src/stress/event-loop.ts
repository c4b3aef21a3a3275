import type { StressOptions, StressReport } from './stress.ts';
export async function stressEventLoop(_o: StressOptions): Promise<StressReport> {
  throw new Error('todo');
}
