/** The stress run in a browser: on its workers, or, in a page without shared memory, in one event loop. */
import { codeOf } from '@mmu-notifier/core';
import { contenderOf } from '../strategies.ts';
import { stressEventLoop } from './event-loop.ts';
import { stress, type StressOptions, type StressReport } from './stress.ts';

/** What the page leaves for whoever opened it. */
export interface BrowserStress {
  readonly report: StressReport;
  /** Why it did not run on workers. */
  readonly refusal: { readonly code: string | undefined; readonly message: string } | undefined;
}

const page = globalThis as unknown as {
  readonly location: { readonly search: string };
  stress?: Promise<BrowserStress>;
};

page.stress = run(new URLSearchParams(page.location.search));

async function run(asked: URLSearchParams): Promise<BrowserStress> {
  const options: StressOptions = {
    contender: contenderOf(asked.get('strategy') ?? 'interval'),
    workers: Number(asked.get('workers') ?? 2),
    seed: Number(asked.get('seed') ?? 1),
    pages: 64,
    seconds: Number(asked.get('seconds') ?? 5),
    rounds: Infinity,
    firstRound: 0,
    roundMs: 500,
    faultRate: 0,
    faultKinds: [],
    ownerRun: false,
    signal: new AbortController().signal,
  };
  try {
    return { report: await stress(options), refusal: undefined };
  } catch (error) {
    if (codeOf(error) !== 'MMN_OPTION') throw error;
    const refusal = { code: codeOf(error), message: (error as Error).message };
    return { report: await stressEventLoop(options), refusal };
  }
}
