import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CompareReport } from '../src/report-format.ts';
import { harness, recording } from './command.ts';

const timeout = 120_000;
const gcc = recording('gcc-compile.perf.txt.gz');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-harness-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('bad usage exits with 2 and says in one line what was expected and what came', () => {
  const usage: [string, string[], RegExp][] = [
    ['an unknown command', ['compete'], /unknown command 'compete'/],
    ['an unknown flag', ['compare', '--fast'], /unknown option '--fast'/],
    [
      'an unknown strategy',
      ['compare', '--strategy', 'magic'],
      /expected a strategy \(none, .*\), got 'magic'/,
    ],
    ['an unknown variant', ['compare', '--strategy', 'interval:v9'], /got 'interval:v9'/],
    ['an unknown workload', ['compare', '--workload', 'chess'], /expected .*, got "chess"/],
    [
      'an unknown mirror rule',
      ['compare', '--mirror', 'half'],
      /expected a mirror rule \(anonymous, .*\), got 'half'/,
    ],
    [
      'a number that is none',
      ['compare', '--seed', '1e3'],
      /expected an integer from 0 to 2147483647, got '1e3'/,
    ],
    [
      'a number out of bounds',
      ['compare', '--devices', '0'],
      /expected an integer from 1 to 64, got '0'/,
    ],
    [
      'a fraction',
      ['compare', '--observations', '1.5'],
      /expected an integer from 1 to 99, got '1.5'/,
    ],
    [
      'a report that cannot be written',
      ['compare', '--json', '/nowhere/at/all.json'],
      /expected a file in a writable folder/,
    ],
    ['a missing argument', ['import'], /missing required argument 'file'/],
  ];
  test.concurrent.each(usage)('%s', { timeout }, async (_what, args, message) => {
    const { code, err, out } = await harness(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });
});

describe.concurrent('bad input exits with 2 and one line', () => {
  test('a missing file', { timeout }, async () => {
    const { code, err } = await harness(['compare', '--trace', join(folder, 'missing.txt')]);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: .*expected a readable file, got ENOENT for .*missing\.txt.*\n$/);
  });

  test('an empty file', { timeout }, async () => {
    const { code, err } = await harness(['import', file('empty.txt', '')]);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: expected the text of perf script or strace, got nothing\n$/);
  });

  test('a truncated gzip file', { timeout }, async () => {
    const bytes = readFileSync(gcc);
    const path = file('truncated.gz', bytes.subarray(0, bytes.length / 2));
    const { code, err } = await harness(['compare', '--trace', path]);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: line \d+: expected a whole gzip file.*\n$/);
  });

  test('a file that is no recording', { timeout }, async () => {
    const { code, err } = await harness([
      'import',
      file('poem.txt', 'roses are red\nviolets are blue\n'),
    ]);
    expect(code).toBe(2);
    expect(err).toMatch(
      /^error: line 1: expected a line of perf script or strace, got "roses are red".*\n$/,
    );
  });

  test('an unknown line is counted, and an error with --strict', { timeout }, async () => {
    const text = gunzipSync(readFileSync(gcc)).toString();
    const path = file('noise.txt', text.replace('\n', '\nsomebody spilled coffee here\n'));
    const counted = await harness(['import', path]);
    expect(counted.code).toBe(0);
    expect(counted.out).toMatch(/not known +1 /);
    const strict = await harness(['import', '--strict', path]);
    expect(strict.code).toBe(2);
    expect(strict.err).toMatch(/^error: line 2: .*coffee.*\n$/);
  });
});

describe.concurrent('help', () => {
  test.each([
    [['--help']],
    [['compare', '--help']],
    [['explore', '--help']],
    [['list', '--help']],
    [['import', '--help']],
  ])('%j', { timeout }, async (args) => {
    const { code, out } = await harness(args);
    expect(code).toBe(0);
    expect(out).toContain('Usage: mmu-notifier');
  });

  test('list names every strategy, workload and recording', { timeout }, async () => {
    const { code, out } = await harness(['list']);
    expect(code).toBe(0);
    for (const name of ['interval:v1', 'hlist-srcu', 'races', 'redis-bgsave.perf.txt.gz']) {
      expect(out).toContain(name);
    }
    const { out: json } = await harness(['list', '--json']);
    expect(JSON.parse(json)).toHaveProperty('strategies');
  });
});

/** What a seed decides: not times and weights, and not where it ran. */
function steady({ schema, seed, trace, strategies }: CompareReport): unknown {
  const counts = strategies.map((strategy) => ({
    ...strategy,
    nsPerInvalidation: null,
    nsPerFault: null,
    bytesPerSubscription: null,
    secondsPerReplay: null,
    peakMemoryBytes: null,
  }));
  return { schema, seed, trace, counts };
}

let reports = 0;

/** A report of the recording of gcc. */
async function compare(...more: string[]): Promise<CompareReport> {
  const json = join(folder, `report-${++reports}.json`);
  const args = ['--quick', '--trace', gcc, '--json', json, ...more];
  expect(await harness(['compare', ...args])).toMatchObject({ code: 0, err: '' });
  return JSON.parse(readFileSync(json, 'utf8')) as CompareReport;
}

describe.concurrent('compare', () => {
  test(
    'the control is stale, the others are not, and one in three, which MMN_SEED chooses, does the same again by the same seed',
    { timeout },
    async () => {
      const { out } = await harness(['list', '--json']);
      const { strategies } = JSON.parse(out) as { strategies: { label: string }[] };
      const chosen = Number(process.env['MMN_SEED'] ?? 1);
      const labels = strategies
        .map(({ label }) => label)
        .filter((label) => !label.includes(':')) // the default is these
        .filter((_, at) => (at + chosen) % 3 === 0);
      const [all, some] = await Promise.all([
        compare('--seed', '7'),
        compare('--seed', '7', '--strategy', labels.join()),
      ]);
      expect(labels.length).toBeGreaterThan(3);
      expect(steady(some)).toEqual(
        steady({ ...all, strategies: all.strategies.filter(({ name }) => labels.includes(name)) }),
      );
      const claims = all.strategies.filter(({ claimsCorrect }) => claimsCorrect);
      expect(all.strategies.find(({ name }) => name === 'none')!.staleReads).toBeGreaterThan(0);
      expect(claims.map(({ verdict }) => verdict)).toEqual(claims.map(() => 'ok'));
      expect(new Set(claims.map(({ callbacks }) => callbacks.needed)).size).toBe(1);
      expect(claims[0]!.callbacks.needed).toBeGreaterThan(0);
    },
  );

  test('another seed gives other counts', { timeout }, async () => {
    const [one, other] = await Promise.all(
      ['1', '2'].map((seed) => compare('--strategy', 'none', '--seed', seed)),
    );
    expect(one!.strategies[0]!.staleReads).not.toBe(other!.strategies[0]!.staleReads);
  });

  test('several streams give an array of reports', { timeout }, async () => {
    const json = join(folder, 'several.json');
    const args = ['--quick', '--strategy', 'interval', '--events', '500', '--json', json];
    const { code } = await harness([
      'compare',
      '--workload',
      'races',
      '--workload',
      'oom',
      ...args,
    ]);
    expect(code).toBe(0);
    const reports = JSON.parse(readFileSync(json, 'utf8')) as CompareReport[];
    expect(reports.map(({ trace }) => trace.name)).toEqual(['races', 'oom']);
  });

  test('Ctrl-C exits with 130 and keeps what was done', { timeout }, async () => {
    let interrupted = false;
    const json = join(folder, 'interrupted.json');
    const trace = recording('redis-bgsave.perf.txt.gz');
    const args = ['--strategy', 'interval', '--observations', '3', '--json', json];
    const { code, err } = await harness(
      ['compare', '--trace', gcc, '--trace', trace, ...args],
      (out, interrupt) => {
        if (interrupted || !out.includes('redis-bgsave')) return;
        interrupted = true;
        interrupt();
      },
    );
    expect(code).toBe(130);
    expect(err).toContain('Interrupted');
    const [first] = JSON.parse(readFileSync(json, 'utf8')) as CompareReport[];
    expect(first!.strategies[0]!.observations).toBeGreaterThan(0);
  });
});
