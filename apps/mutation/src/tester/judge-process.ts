/**
 * The process in which tests run, one generation of modules after the other. It may be killed at any time: by the tester, when a test
 * does not end, or by the test.
 *
 * A test that waits for what nobody will do leaves the event loop empty: that is seen at once (`beforeExit`), without a time-out.
 */
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import threads, { type Worker } from 'node:worker_threads';
import { forget, installGenerations } from './generations.ts';
import { collect, runTest, type CollectedTest } from './vitest-stand-in.ts';

/** A test: its file, from the repository's root, and its place and title there. */
export interface TestName {
  readonly file: string;
  readonly at: number;
  readonly title: string;
}

/** What it is asked: to run all tests of files, or some until one fails. */
export type Request =
  | { readonly kind: 'all'; readonly file: string; readonly without: readonly number[] }
  | { readonly kind: 'some'; readonly changed: string; readonly tests: readonly TestName[] };

/** What it says. */
export type Say =
  | { readonly says: 'begins'; readonly test: TestName }
  | { readonly says: 'ends'; readonly test: TestName; readonly outcome: Outcome }
  /** `isClean`: nothing is left over that could disturb the next. */
  | { readonly says: 'done'; readonly isClean: boolean };

export interface Outcome {
  readonly failure: string | null;
  readonly ms: number;
  /** Blocks that were entered, if blocks are marked. */
  readonly hits: readonly number[];
  /** It started processes, whose blocks are not seen. */
  readonly startsProcesses: boolean;
  readonly startsThreads: boolean;
}

const [root, blocks] = process.argv.slice(2) as [string, string];
installGenerations(root);
const say = (what: Say): void => void process.send!(what);

// Worker threads find the marks by this name, too: see blocks.ts.
const hits = new Uint8Array(new SharedArrayBuffer(Math.max(1, Number(blocks))));
threads.setEnvironmentData('mmu-notifier blocks', hits);
(globalThis as { mmuNotifierBlocks?: Uint8Array }).mmuNotifierBlocks = hits;

const running = new Set<Worker>();
let processesStarted = 0;
let threadsStarted = 0;
threads.Worker = class extends threads.Worker {
  constructor(...given: ConstructorParameters<typeof Worker>) {
    super(...given);
    threadsStarted++;
    running.add(this);
    this.once('exit', () => running.delete(this));
  }
};
for (const name of ['spawn', 'spawnSync', 'execFileSync', 'execFile', 'fork'] as const) {
  const original = childProcess[name] as (...given: unknown[]) => unknown;
  const counted = (...given: unknown[]): unknown => {
    processesStarted++;
    return original.apply(childProcess, given);
  };
  Object.assign(childProcess, { [name]: counted });
}
syncBuiltinESMExports();

/** What fails the running test from outside of it. */
let failFromOutside: (error: unknown) => void = () => {};
process.on('unhandledRejection', (error) => failFromOutside(error));
process.on('uncaughtException', (error) => failFromOutside(error));
process.on('beforeExit', () => failFromOutside(new Error('it does not end')));

let generation = 0;
const collected = new Map<string, { tests: CollectedTest[]; hits: number[] }>();

async function testsOf(file: string): Promise<{ tests: CollectedTest[]; hits: number[] }> {
  let found = collected.get(file);
  if (found === undefined) {
    hits.fill(0);
    const url = `${pathToFileURL(join(root, file)).href}?generation=${generation}.ts`;
    const tests = await unlessFailing(() => collect(() => import(url)));
    found = { tests, hits: entered() };
    collected.set(file, found);
  }
  return found;
}

function entered(): number[] {
  const found: number[] = [];
  for (let at = hits.indexOf(1); at >= 0; at = hits.indexOf(1, at + 1)) found.push(at);
  return found;
}

function unlessFailing<T>(act: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    failFromOutside = reject;
    act().then(resolve, reject);
  }).finally(() => (failFromOutside = () => {})) as Promise<T>;
}

/** Without a test: the file does not load, or no longer has it. */
async function runOne(name: TestName): Promise<Outcome> {
  const begun = performance.now();
  const [processesBefore, threadsBefore] = [processesStarted, threadsStarted];
  let failure: string | null = null;
  let atLoad: readonly number[] = [];
  try {
    const { tests, hits: ofFile } = await testsOf(name.file);
    atLoad = ofFile;
    const test =
      tests[name.at]?.title === name.title
        ? tests[name.at]
        : tests.find(({ title }) => title === name.title);
    if (test === undefined) throw new Error('its tests are others');
    hits.fill(0);
    await unlessFailing(() => runTest(test));
  } catch (error) {
    failure = String((error as Error | undefined)?.message ?? error).split('\n')[0]!;
  }
  return {
    failure,
    ms: performance.now() - begun,
    hits: [...new Set([...atLoad, ...entered()])],
    startsProcesses: processesStarted > processesBefore,
    startsThreads: threadsStarted > threadsBefore,
  };
}

/** Lets what is over be over. */
async function isCleanAfter(): Promise<boolean> {
  for (const worker of running) await worker.terminate();
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  const left = process.getActiveResourcesInfo().filter((what) => /Timeout|Worker|Port/.test(what));
  return left.length === 0 && generation < 150;
}

async function answer(request: Request): Promise<void> {
  generation++;
  collected.clear();
  if (request.kind === 'all') {
    const { tests } = await testsOf(request.file);
    for (const [at, { title }] of tests.entries()) {
      if (request.without.includes(at)) continue;
      const test = { file: request.file, at, title };
      say({ says: 'begins', test });
      say({ says: 'ends', test, outcome: await runOne(test) });
    }
  } else {
    forget(join(root, request.changed));
    for (const test of request.tests) {
      say({ says: 'begins', test });
      const outcome = await runOne(test);
      say({ says: 'ends', test, outcome });
      if (outcome.failure !== null) break;
    }
    forget(join(root, request.changed));
  }
}

process.on('message', (request: Request) => {
  process.channel!.unref();
  void answer(request)
    .catch((error: unknown) => console.error(error))
    .then(isCleanAfter)
    .then((isClean) => {
      process.channel!.ref();
      say({ says: 'done', isClean });
    });
});
process.on('disconnect', () => process.exit());
