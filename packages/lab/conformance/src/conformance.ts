/**
 * The kit in a test file: defines one test for each key and mode, with whatever runner calls it.
 *
 * 1. The strategy's traits decide what runs. Nothing is passed that could make a promise weaker, but for known gaps.
 * 2. A known gap is expected to fail, in every mode, and breaks the build when it passes: then its line is to be deleted.
 *    Unless it is one of chance.
 * 3. The last test of all counts what ran and what did not, and checks that gaps, keys and known races agree.
 */
import { checkFunction } from '@mmu-notifier/core';
import { catalogue } from './catalogue.ts';
import { fail } from './check.ts';
import { applies, casesOf, type Case } from './judge.ts';
import {
  problemsOfGaps,
  reasonOf,
  subjectOf,
  type JudgeOptions,
  type KnownGap,
} from './options.ts';
import type { Mode } from './subject.ts';

/** See the file's head. */
export interface ConformanceOptions extends JudgeOptions {
  /** The runner's, of vitest, node:test, mocha, jest … */
  readonly describe: (title: string, define: () => void) => unknown;
  /** The same. The third argument, in milliseconds, is for runners that take one. */
  readonly it: (title: string, run: () => Promise<void>, timeoutMs: number) => unknown;
  /** Promises that the strategy is known to break. */
  readonly knownGaps: readonly KnownGap[];
  /** Known races of the traits that no key shows, each with the reason: what they need is outside of the contract. */
  readonly unseenRaces?: Readonly<Record<string, string>>;
}

/** Long enough for a machine with other things to do. Nothing in the kit waits for time. */
const timeoutMs = 120_000;

const titles: Readonly<Record<Mode, string>> = {
  'event-loop': 'in one event loop',
  'shared-memory': 'in shared memory',
};

/** Defines the tests. Call it once for each variant. */
export function conformance(options: ConformanceOptions): void {
  const { describe, it, knownGaps: gaps, unseenRaces = {} } = options;
  checkFunction(describe, 'options.describe');
  checkFunction(it, 'options.it');
  const subject = subjectOf(options);
  const { strategy, variant, traits } = subject;
  const gapOf = new Map(gaps.map((gap) => [gap.key, gap]));
  const cases = casesOf(subject);
  for (const mode of traits.modes) {
    describe(`${strategy.name}:${variant} ${titles[mode]}`, () => {
      for (const each of cases.filter((one) => one.mode === mode)) {
        const { key, promise } = each.key;
        const gap = gapOf.get(key);
        const run = gap === undefined ? each.run : (): Promise<void> => expectFailure(each, gap);
        const aside = gap === undefined ? '' : ` (known gap: ${reasonOf(gap)})`;
        it(`[${key}] ${promise}${aside}`, run, timeoutMs);
      }
    });
  }
  const ran = new Set(cases.map(({ key }) => key.key));
  const left = catalogue.filter((key) => !applies(key, subject)).map(({ key }) => key);
  const counts = `${ran.size} of ${catalogue.length} keys apply, ${gaps.length} of them known gaps`;
  describe(`${strategy.name}:${variant}`, () => {
    it(
      `[T5] ${counts}; not: ${left.join(', ')}`,
      async () => {
        const problems = problemsOfGaps(subject, gaps, unseenRaces);
        const idle = gaps.filter(({ key }) => !ran.has(key)).map(({ key }) => key);
        for (const key of idle) problems.push(`'${key}' is a gap, but does not apply`);
        if (problems.length > 0) fail(problems.join('\n'));
      },
      timeoutMs,
    );
  });
}

async function expectFailure({ key, run }: Case, gap: KnownGap): Promise<void> {
  try {
    await run();
  } catch {
    return;
  }
  if (gap.byChance === true) return;
  fail(
    `[${key.key}] holds: delete it from knownGaps, and see whether it is still true: ${reasonOf(gap)}`,
  );
}
