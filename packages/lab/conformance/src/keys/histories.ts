/** Random histories, made smaller until they are minimal, and printed as a test that runs. */
import * as fc from 'fast-check';
import { CheckFailed } from '../check.ts';
import { pageCount, playIn, type History, type Manner } from '../history.ts';
import { key, type Key } from '../key.ts';
import type { World } from '../world.ts';

const runsDefault = { 'event-loop': 120, 'shared-memory': 25 } as const;

const range = fc
  .tuple(fc.nat(pageCount - 1), fc.nat(pageCount - 1))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) + 1 }));
const manner = fc.constantFrom<Manner>('at once', 'at once', 'sleeps', 'sleeps', 'rejects');
const which = fc.nat(9);
const subscribe = fc
  .record({ kind: fc.constant('subscribe' as const), range, manner })
  .map(({ range: { start, end }, ...rest }) => ({ ...rest, start, end }));
const section = fc
  .record({ kind: fc.constant('section' as const), range, isTry: fc.boolean() })
  .map(({ range: { start, end }, ...rest }) => ({ ...rest, start, end }));
const fault = fc.record({
  kind: fc.constant('fault' as const),
  which,
  page: fc.nat(pageCount - 1),
});
const close = fc.record({ kind: fc.constant('close' as const), which });
const operation = fc.oneof(
  { weight: 3, arbitrary: section },
  { weight: 2, arbitrary: subscribe },
  { weight: 5, arbitrary: fault },
  { weight: 2, arbitrary: close },
);

/** Histories of up to four tasks, the first of which begins by subscribing. */
export const histories: fc.Arbitrary<History> = fc.record({
  tasks: fc
    .tuple(
      fc.array(subscribe, { minLength: 1, maxLength: 3 }),
      fc.array(fc.array(operation, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
    )
    .map(([first, [second = [], ...others]]) => [[...first, ...second], ...others]),
  choices: fc.array(fc.nat(100), { minLength: 1, maxLength: 50 }),
});

export const historyKeys: readonly Key[] = [
  key(
    'O1',
    'serves no stale entry, and misses nobody, in any history of several agents',
    { tier: 'min', source: 'ours: history.ts; K-S1 to K-S3' },
    async (world) => {
      const { seed, effort } = world.subject;
      const numRuns = Math.ceil(runsDefault[world.mode] * effort);
      const property = fc.asyncProperty(histories, (history) => playIn(world, history));
      const found = await fc.check(property, { seed, numRuns });
      if (!found.failed) return;
      const [history] = found.counterexample ?? [];
      const why = found.errorInstance instanceof Error ? found.errorInstance.message : 'it failed';
      const again = history === undefined ? '' : `\n\n${asTest(world, history)}`;
      throw new CheckFailed(
        `${why}; by seed ${found.seed}, after ${found.numShrinks} shrinks${again}`,
      );
    },
  ),
];

/** The history as a module that runs it, with any runner that runs modules. */
export function asTest({ subject, mode }: World, history: History): string {
  const { strategy, variant, agents } = subject;
  const from = agents?.module ?? `the module of ${strategy.name}`;
  const name =
    agents?.exportName ?? strategy.name.replaceAll(/-(.)/g, (_, c: string) => c.toUpperCase());
  const tasks = history.tasks.map((operations) => {
    const lines = operations.map((each) => `      ${JSON.stringify(each)},`);
    return ['    [', ...lines, '    ],'].join('\n');
  });
  return [
    `import { play, type History } from ${quoted('@mmu-notifier/conformance')};`,
    `import { ${name} } from ${quoted(from)};`,
    '',
    'const history: History = {',
    '  tasks: [',
    ...tasks,
    '  ],',
    `  choices: ${JSON.stringify(history.choices)},`,
    '};',
    `await play(${name}, history, ${JSON.stringify({ variant, mode })});`,
  ].join('\n');
}

function quoted(text: string): string {
  return `'${text}'`;
}
