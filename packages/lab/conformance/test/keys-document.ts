/** KEYS.md, from the catalogue: `npx vitest run --project conformance test/keys.test.ts -u` writes it. */
import { catalogue, type Key } from '@mmu-notifier/conformance';

const groups: readonly (readonly [string, RegExp])[] = [
  ['Sections', /^S/],
  ['Reads and publications', /^[RQ]/],
  ['Subscribing, closing, room', /^[DUM]\d/],
  ['Starts that must not wait', /^N/],
  ['Callbacks', /^[EFPCA]\d/],
  ['The end of an address space', /^L/],
  ['What a strategy says of itself', /^T\d/],
  ['Random histories and programs', /^O\d/],
  ["Other suites' scenarios", /^(HMM|IGT|KVM|ODP|TREE)\./],
  ['Every interleaving', /^EXPLORE/],
  ['Agents at the same time', /^AGENTS/],
];

/** Promises that the kit cannot reach: every strategy's own tests have them. */
export const ownKeys: readonly Pick<Key, 'key' | 'promise' | 'source'>[] = [
  {
    key: 'Q1',
    promise: 'keeps R1 to R3 when its sequence number wraps or carries',
    source: 'mm/mmu_notifier.c v5.15.85:238-244',
  },
];

/** The kernel's own assertions, as they are named in titles and comments, and the keys that show them. */
export const kernelSet: Readonly<Record<string, readonly [string, string]>> = {
  'K-S1': [
    'after the end of a section, no shadow entry was read before it',
    'R2, O1, O2, EXPLORE.fault',
  ],
  'K-S2': ['no shadow entry becomes usable in an open section', 'S5, O1'],
  'K-S3': ['no callback after remove or unregister has returned', 'U1, EXPLORE.close'],
  'K-S4': ['each start has exactly one end, or was refused and has none', 'S7, N3, E1'],
  'K-S5': ['one RELEASE for each subscription', 'L1, L1.beside'],
  'K-S6': ['a non-blockable start never sleeps', 'N1, N1.sleep'],
  'K-S7': ['a refused start leaves all counters as before', 'N2, N2.refused, N4'],
  'K-S8': ['the tree does not change while it is full', 'D1, D4'],
  'K-S9': [
    'no section open: the number is even, nothing is deferred',
    'every key: verify() after each step',
  ],
  'K-S10': ["a subscription's number is always odd", "interval's own tests"],
  'K-S11': ['removing after a failed insert is harmless', "interval's own tests"],
  'K-S12': ['empty, huge and touching ranges', 'S2, S2.ends, S4'],
  'K-L1': ['readers and closers go on when all sections have ended', 'R1, U1.invalidate, O1'],
  'K-L2': ['a fault succeeds after a bounded number of retries', 'R7'],
  'K-L3': ['a nested start never waits', 'S6, D1.nested'],
  'K-L4': ['starvation is counted', "core's own tests, and `npm run compare`"],
};

export function keysDocument(): string {
  const rest = new Set(catalogue);
  const sections = groups.map(([title, pattern]) => {
    const rows = catalogue.filter((each) => rest.has(each) && pattern.test(each.key));
    for (const each of rows) rest.delete(each);
    return [
      `## ${title}`,
      '',
      '| key | promise | tier | when | shown | source |',
      '|---|---|---|---|---|---|',
      ...rows.map(rowOf),
      '',
    ].join('\n');
  });
  if (rest.size > 0) throw new Error(`in no group: ${[...rest].map(({ key }) => key).join(', ')}`);
  return `${head}\n${sections.join('\n')}\n${ownTable()}\n${kernelTable()}`;
}

function rowOf({ key, promise, tier, when, way, source }: Key): string {
  return `| ${key} | ${promise} | ${tier} | ${when ?? ''} | ${ways[way]} | ${source} |`;
}

const ways: Readonly<Record<Key['way'], string>> = {
  each: 'both memories',
  'event-loop': 'event loop',
  'shared-memory': 'shared memory',
  machine: 'simulated machine',
  agents: 'agents',
  explorer: 'explorer',
  once: 'once',
};

const head = `# Keys

Every promise of the contract has a key, which stays: titles of tests begin with it, comments quote it, and this table says
what it means. The table is written from the kit's own catalogue; a test compares them.

*tier*: \`min\` is promised by every strategy, \`trait\` by those whose traits say so (\`when\`), \`extra\` goes beyond the contract.
*shown*: by one agent in an ArrayBuffer and in a SharedArrayBuffer (both memories), in one of them, by programs on the simulated
machine, by real agents at the same time, by every interleaving up to four preemptions, or once for the strategy.

Races have ids of another form, as \`U-7\` or \`ODP-1\`: they stand in the traits of the strategies that have them.
`;

function ownTable(): string {
  const rows = ownKeys.map(({ key, promise, source }) => `| ${key} | ${promise} | ${source} |`);
  return [
    "## In each strategy's own tests",
    '',
    'The kit cannot reach the number itself: a seq is opaque, the contract has no option for where it starts, and no test lives to see 2^53',
    'sections. An option that only tests set would be one more promise to keep; the tests of interval and hlist-srcu write the words instead.',
    '',
    '| key | promise | source |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function kernelTable(): string {
  const rows = Object.entries(kernelSet).map(([id, [what, by]]) => `| ${id} | ${what} | ${by} |`);
  return [
    '## What the kernel’s own suites assert',
    '',
    '| id | assertion | shown by |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
