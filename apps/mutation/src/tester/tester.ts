/**
 * Judges changes of one package.
 *
 * 1. All tests run once, unchanged, over sources whose blocks are marked: that gives what each test enters, how long it takes, and which
 *    fail anyway and are left out.
 * 2. A change is tried by the tests that enter its block, until one fails: first those that noticed most of the file's changes in
 *    their time, then the others from the fastest on. Those that start threads or processes are a second pass; of the latter it is not
 *    known what they enter.
 * 3. A test of threads or processes that fails must fail twice, unless it does not end: they fail by chance, too.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages } from '../results.ts';
import { blockAt, blocksOf, withMarks, type Block } from './blocks.ts';
import { sourcesOf, type Candidate } from './candidates.ts';
import { Judge, type Limits } from './judge.ts';
import type { Outcome, TestName } from './judge-process.ts';

interface KnownTest {
  readonly name: TestName;
  readonly outcome: Outcome;
  readonly hits: ReadonlySet<number>;
  /** How many changes it was the first to notice, by file. */
  readonly noticed: Map<string, number>;
}

const firstLimits: Limits = { busyMs: 120_000, wallMs: 300_000, idleMs: 60_000 };

export class Tester {
  readonly #root: string;
  readonly #blocks = new Map<string, Block[]>();
  readonly #tests: KnownTest[] = [];
  readonly #judge: Judge;
  readonly #testFiles: readonly string[];

  /** @param root of the copy @param name of the package @param among part of the names of the test files to ask */
  constructor(root: string, name: string, among = '') {
    const { folder, kits } = packages[name]!;
    this.#root = root;
    let count = 0;
    for (const file of sourcesOf(root, folder)) {
      const blocks = blocksOf(readFileSync(join(root, file), 'utf8'), count);
      this.#blocks.set(file, blocks);
      count += blocks.length;
    }
    this.#judge = new Judge(root, count);
    const own = globSync(`${folder}/test/*.test.ts`, { cwd: root }).sort();
    this.#testFiles = [...new Set([...kits, ...own])].filter((file) => file.includes(among));
  }

  /** The first pass. Resolves to the tests that fail anyway. */
  async learn(): Promise<readonly string[]> {
    const broken: string[] = [];
    const sources = new Map<string, string>();
    for (const [file, blocks] of this.#blocks) {
      const source = readFileSync(join(this.#root, file), 'utf8');
      sources.set(file, source);
      writeFileSync(join(this.#root, file), withMarks(source, blocks));
    }
    for (const file of this.#testFiles) {
      const without: number[] = [];
      for (let hung = true; hung;) {
        const ended = await this.#judge.ask({ kind: 'all', file, without }, () => firstLimits);
        hung = ended.at(-1)?.outcome === null;
        for (const { test, outcome } of ended) {
          without.push(test.at);
          if (outcome === null || outcome.failure !== null) {
            broken.push(`${test.file}: ${test.title}: ${outcome?.failure ?? 'it does not end'}`);
          } else {
            const hits = new Set(outcome.hits);
            this.#tests.push({ name: test, outcome, hits, noticed: new Map() });
          }
        }
        if (ended.length === 0) broken.push(`${file}: no tests`);
      }
      this.#judge.stop();
    }
    for (const [file, source] of sources) writeFileSync(join(this.#root, file), source);
    return broken;
  }

  /** How many tests, and how long they take together. */
  get summary(): string {
    const ms = this.#tests.reduce((sum, { outcome }) => sum + outcome.ms, 0);
    return `${this.#tests.length} tests, ${(ms / 1000).toFixed(0)} s`;
  }

  /** The slowest tests, for whoever wants to make it faster. */
  get slowest(): readonly string[] {
    return this.#tests
      .toSorted((a, b) => b.outcome.ms - a.outcome.ms)
      .slice(0, 25)
      .map(({ name, outcome }) => `${outcome.ms.toFixed(0)} ms ${name.file}: ${name.title}`);
  }

  /** Which test of a pass notices a change, or `undefined`. */
  async killerOf(candidate: Candidate, pass: 'fast' | 'slow'): Promise<string | undefined> {
    const { file, start, end, replace } = candidate;
    const path = join(this.#root, file);
    const source = readFileSync(path, 'utf8');
    const tests = this.#inOrder(candidate, pass);
    writeFileSync(path, source.slice(0, start) + replace + source.slice(end));
    try {
      for (let from = 0; from < tests.length;) {
        const names = tests.slice(from).map(({ name }) => name);
        const request = { kind: 'some', changed: file, tests: names } as const;
        const ended = await this.#judge.ask(request, (name) => this.#limitsOf(name));
        const last = ended.at(-1);
        if (last === undefined) throw new Error('the process of the tests does not start');
        const { test, outcome } = last;
        if (outcome !== null && outcome.failure === null) return undefined;
        const known = tests.find(({ name }) => name === test || isSame(name, test))!;
        if (await this.#isSure(known, outcome, file)) {
          known.noticed.set(file, (known.noticed.get(file) ?? 0) + 1);
          return `${test.file}: ${test.title}`;
        }
        from = tests.indexOf(known) + 1;
      }
      return undefined;
    } finally {
      writeFileSync(path, source);
    }
  }

  stop(): void {
    this.#judge.stop();
  }

  async #isSure(known: KnownTest, outcome: Outcome | null, changed: string): Promise<boolean> {
    if (outcome === null || !isUnsure(known)) return true;
    const tests = [known.name];
    const again = await this.#judge.ask({ kind: 'some', changed, tests }, (test) =>
      this.#limitsOf(test),
    );
    const second = again.at(-1)?.outcome;
    return second === null || (second !== undefined && second.failure !== null);
  }

  #limitsOf(test: TestName): Limits {
    const ms = this.#tests.find(({ name }) => isSame(name, test))?.outcome.ms ?? 1000;
    return { busyMs: 1500 + 4 * ms, wallMs: 20_000 + 10 * ms, idleMs: 3000 + 3 * ms };
  }

  #inOrder({ file, start, end }: Candidate, pass: 'fast' | 'slow'): KnownTest[] {
    const block = blockAt(this.#blocks.get(file)!, start, end);
    return this.#tests
      .filter(({ hits, outcome }) => hits.has(block) || outcome.startsProcesses)
      .filter((test) => isSlow(test) === (pass === 'slow'))
      .map((test) => {
        const ms = test.outcome.ms + (test.name.file.endsWith('conformance.test.ts') ? 300 : 20);
        return { test, ms, worth: (test.noticed.get(file) ?? 0) / ms };
      })
      .sort((a, b) => b.worth - a.worth || a.ms - b.ms)
      .map(({ test }) => test);
  }
}

/** It may fail by chance, or what it enters is not known. */
function isUnsure({ outcome }: KnownTest): boolean {
  return outcome.startsProcesses || outcome.startsThreads;
}

function isSlow(test: KnownTest): boolean {
  return isUnsure(test) || test.outcome.ms > 10_000;
}

function isSame(a: TestName, b: TestName): boolean {
  return a.file === b.file && a.at === b.at;
}
