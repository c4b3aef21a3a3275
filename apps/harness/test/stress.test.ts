/** The stress command as users run it, small. Long runs are made by hand. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { machine } from '../src/report-format.ts';
import { allRuns, allSchema } from '../src/stress/all.ts';
import { withTables } from '../src/stress/readme.ts';
import { harness } from './command.ts';

const timeout = 120_000;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-stress-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Report {
  readonly schema: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly rounds: readonly { readonly fault?: string; readonly errors: readonly string[] }[];
}

function linesOf(path: string): unknown[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}

let reports = 0;

async function stress(...args: string[]) {
  const json = join(folder, `report-${++reports}.json`);
  const { code, out, err } = await harness(['stress', '--json', json, ...args]);
  return { code, out, err, report: () => JSON.parse(readFileSync(json, 'utf8')) as Report };
}

describe('on worker threads', { timeout }, () => {
  test.each(['interval', 'interval:scoped', 'reference', 'hlist-srcu'])(
    '[S1] [R2] [S5] [U1] %s serves no stale entry',
    async (strategy) => {
      const { code, out, report } = await stress('--strategy', strategy, '--seconds', '1');
      expect(out).toMatch(/stale reads\s+0/);
      const { counts, schema } = report();
      expect(schema).toBe('mmu-notifier/stress/1');
      expect(counts).toMatchObject({ staleReads: 0 });
      for (const name of ['sections', 'faults', 'accesses', 'callbacks', 'subscriptions']) {
        expect([name, counts[name]! > 0]).toEqual([name, true]);
      }
      expect(code).toBe(0);
    },
  );

  test('[S1] callbacks run on their owners, and nobody waits for ever', async () => {
    const { code, report } = await stress('--owner-run', '--seconds', '1');
    expect(report().counts['callbacks']).toBeGreaterThan(0);
    expect(code).toBe(0);
  });

  test('none is caught, with where', async () => {
    const { code, out } = await stress('--strategy', 'none', '--seconds', '1');
    expect(out).toMatch(/First stale: device \d+ .* page \d+ in version \d+/);
    expect(code).toBe(1);
  });

  // A few rounds of each kind; that it befell them is in the counts, where it can be.
  test.each<[kind: string, what: string, told: string | undefined]>([
    ['throw', 'callbacks that throw', 'callbacksFailed'],
    ['full', 'a region without room', 'full'],
    ['stall', 'callbacks that take long', undefined],
    ['carry', 'a sequence number that carries', undefined],
  ])('fault %s: with %s all go on', async (kind, _, told) => {
    const args = ['--fault', '1', '--fault-kind', kind, '--seconds', '1'];
    const { code, report } = await stress(...args);
    const { rounds, counts } = report();
    expect(rounds.map(({ fault, errors }) => ({ fault, errors }))).toEqual(
      rounds.map(() => ({ fault: kind, errors: [] })),
    );
    expect(counts).toMatchObject({ staleReads: 0, deadAgents: 0 });
    for (const name of ['callbacksFailed', 'full']) {
      expect([name, counts[name]! > 0]).toEqual([name, name === told]);
    }
    expect(code).toBe(0);
  });
});

describe('agents that are terminated', { timeout }, () => {
  test('[K1] the survivors go on or are told of the dead; a record is resumed', async () => {
    const record = join(folder, 'kills.jsonl');
    const kill = (count: number) =>
      harness(['stress', '--kills', String(count), '--record', record, '--seed', '3']);
    expect((await kill(3)).code).toBe(0);
    const { code, out } = await kill(6);
    expect(out).toMatch(/The counts are of the last 3 rounds/);
    const [head, ...lines] = linesOf(record);
    expect(head).toMatchObject({ asked: { strategy: 'interval', workers: 2, seed: 3 } });
    expect(lines.at(-1)).toEqual({ summary: { rounds: 6, failed: 0 } });
    const rounds = lines.slice(0, -1) as (Report['rounds'][number] & Record<string, unknown>)[];
    expect(rounds.map(({ round }) => round)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const { dead, death, staleReads, errors, afterMs } of rounds) {
      expect({ staleReads, errors }).toEqual({ staleReads: 0, errors: [] });
      expect(afterMs).toBeLessThan(5000);
      expect(death ?? `agent ${String(dead)}`).toMatch(new RegExp(`agent ${String(dead)}\\b`));
    }
    expect(rounds.some(({ death }) => death !== undefined)).toBe(true);
    expect(code).toBe(0);
    const other = await harness(['stress', '--kills', '6', '--record', record, '--seed', '4']);
    expect(other.err).toMatch(
      /expected a record of .*"seed":4.* in .*kills\.jsonl, got one of .*"seed":3/,
    );
    expect(other.code).toBe(2);
  });
});

test(
  '[K1] Ctrl-C keeps the kills that were done, and the next run goes on there',
  { timeout },
  async () => {
    const record = join(folder, 'interrupted.jsonl');
    let isInterrupted = false;
    const args = ['stress', '--kills', '2', '--record', record];
    const cut = await harness(args, (_, interrupt) => {
      if (!isInterrupted) interrupt();
      isInterrupted = true;
    });
    expect(cut.code).toBe(130);
    const before = linesOf(record);
    expect(before.length).toBeLessThan(3);
    expect(before).not.toContainEqual(expect.objectContaining({ dead: undefined }));
    expect((await harness(args)).code).toBe(0);
    const lines = linesOf(record);
    expect(lines.slice(0, before.length)).toEqual(before);
    expect(lines.slice(1)).toEqual([
      expect.objectContaining({ round: 0, dead: expect.any(Number) }),
      expect.objectContaining({ round: 1, dead: expect.any(Number) }),
      { summary: { rounds: 2, failed: 0 } },
    ]);
  },
);

describe.concurrent('in one event loop', { timeout }, () => {
  test.each(['kvm', 'umem-odp:fixed', 'interval', 'interval:scoped'])(
    '[R2] %s serves no stale entry',
    async (strategy) => {
      const args = ['--workers', '0', '--strategy', strategy, '--seconds', '1'];
      const { code, report } = await stress(...args);
      expect(report().counts).toMatchObject({ staleReads: 0 });
      expect(report().counts['faults']).toBeGreaterThan(0);
      expect(code).toBe(0);
    },
  );

  test.each([
    ['none', /First stale/],
    ['interval:v1', /has an entry after the release/],
    ['gntdev', /First stale/],
    ['hmm', /First stale: .* installs what is gone/],
    ['vhost', /a fault was refused 5000 times in a row/],
    ['umem-odp', /4 of 4 tasks wait for ever/],
  ])('%s is caught', async (strategy, message) => {
    const args = ['--workers', '0', '--strategy', strategy, '--seconds', '1'];
    const { code, out } = await stress(...args);
    expect(out).toMatch(message);
    expect(code).toBe(1);
  });
});

describe.concurrent('bad usage exits with 2 and says in one line what was expected and what came', () => {
  const usage: [string, string[], RegExp][] = [
    [
      'a strategy of one event loop on workers',
      ['--strategy', 'kvm'],
      /expected a strategy in shared memory \(.*interval.*\), got 'kvm'.*--workers 0/,
    ],
    ['a rate above 1', ['--fault', '2'], /expected a share from 0 to 1, got '2'/],
    ['a strategy that is none', ['--strategy', 'itree'], /expected a strategy \(.*\), got 'itree'/],
    [
      'workers that are too many',
      ['--workers', '99'],
      /expected an integer from 0 to 16, got '99'/,
    ],
    [
      'a record of a single run',
      ['--record', 'x'],
      /expected --record with --storm, --kills or --all/,
    ],
    ['two commands at once', ['--all', '--storm'], /expected one of --storm, --kills and --all/],
    [
      'a strategy of all',
      ['--all', '--strategy', 'kvm'],
      /expected no --strategy with --all, got 'kvm'/,
    ],
    [
      'all without workers',
      ['--all', '--workers', '0'],
      /expected workers and no faults with --all/,
    ],
    [
      'a report of kills',
      ['--kills', '3', '--json', 'x'],
      /expected --record with --kills, got --json/,
    ],
    ['a fault that is none', ['--fault-kind', 'flood'], /expected faults \(.*\), got 'flood'/],
    [
      'faults in one event loop',
      ['--workers', '0', '--fault', '1'],
      /expected --workers of at least 1/,
    ],
    [
      'kills without a survivor',
      ['--workers', '1', '--kills', '3'],
      /expected --workers of at least 2/,
    ],
    [
      'a storm in one event loop',
      ['--storm', '--strategy', 'kvm'],
      /expected strategies in shared memory/,
    ],
  ];
  test.each(usage)('%s', { timeout }, async (_, args, message) => {
    const { code, err } = await harness(['stress', ...args]);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});

describe('the rest', { timeout }, () => {
  test('[U-10] a storm holds up a reader of the default for as long as it lasts, one of scoped only for its sections', async () => {
    const { code, report } = await stress('--storm', '--seconds', '2');
    const { reports } = report() as unknown as {
      reports: {
        label: string;
        report: Record<'reader' | 'closer', { longestMs: number; count: number }>;
      }[];
    };
    const [landed, scoped] = reports.map((each) => each.report);
    expect(landed!.reader.longestMs).toBeGreaterThan(1000);
    expect(scoped!.reader.count).toBeGreaterThan(landed!.reader.count);
    expect(scoped!.reader.longestMs).toBeLessThan(landed!.reader.longestMs);
    expect(scoped!.closer.longestMs).toBeLessThan(landed!.closer.longestMs);
    expect(code).toBe(0);
  });

  test('--all keeps what is done: a record goes on where it ended, and tells who is not what it says', async () => {
    const record = join(folder, 'all.jsonl');
    const asked = { schema: allSchema, workers: 2, seed: 1, pages: 64, seconds: 1 };
    const done = allRuns(2).map(({ contender, workers }) => ({
      strategy: contender.label,
      workers,
      claimsCorrect: contender.traits.correct,
      verdict: contender.traits.correct ? 'clean' : 'caught',
      seconds: 1,
      rounds: 1,
      sections: 1,
      faults: 1,
      accesses: 1,
      staleReads: 0,
      hungRounds: 0,
      firstStale: null,
      firstError: null,
    }));
    // the last one is missing, and one of the others was missed
    const missed = done.findIndex(({ claimsCorrect }) => !claimsCorrect);
    done[missed] = { ...done[missed]!, verdict: 'missed' };
    const lines = [{ asked, machine: machine() }, ...done.slice(0, -1)];
    writeFileSync(record, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const args = ['stress', '--all', '--seconds', '1', '--record', record];
    const { code, out, err } = await harness(args);
    expect(out).toMatch(/amdgpu-mn:fixed.*clean/);
    expect(err).toMatch(
      new RegExp(`${done[missed]!.strategy}, 2 workers: missed: not caught in 1 s`),
    );
    expect(linesOf(record)).toHaveLength(done.length + 2);
    expect(linesOf(record).at(-1)).toEqual({ summary: { runs: done.length, failed: 1 } });
    expect(code).toBe(1);
    const readme = ['# X', '<!-- stress-all -->', 'old', '<!-- /stress-all -->', ''].join('\n');
    cpSync(record, join(folder, 'stress-all.jsonl'));
    const updated = withTables(readme, folder);
    expect(updated).toMatch(/\| `amdgpu-mn:fixed` \| one event loop \| clean \| \d/);
    expect(updated).toMatch(/^# X\n<!-- stress-all -->\n\| strategy .*\n<!-- \/stress-all -->\n$/s);
  });

  test('the README has the tables of the records in results/', () => {
    const text = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
    expect(withTables(text, join(import.meta.dirname, '../results'))).toBe(text);
  });

  test('Ctrl-C prints the numbers so far and exits with 130', async () => {
    let isInterrupted = false;
    const args = ['stress', '--workers', '0', '--seconds', '60'];
    const { code, out } = await harness(args, (_, interrupt) => {
      if (!isInterrupted) interrupt();
      isInterrupted = true;
    });
    expect(out).toMatch(/sections/);
    expect(code).toBe(130);
  });
});
