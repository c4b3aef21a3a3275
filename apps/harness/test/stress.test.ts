/** The stress command as users run it, small. Long runs are made by hand. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

async function stress(...args: string[]) {
  const json = join(folder, 'report.json');
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

  test('faults that end nobody: all go on', async () => {
    const kinds = 'throw,stall,full,carry';
    const args = ['--fault', '1', '--fault-kind', kinds, '--seconds', '4'];
    const { code, report } = await stress(...args);
    const { rounds, counts } = report();
    expect(rounds.every(({ fault, errors }) => kinds.includes(fault!) && errors.length === 0)).toBe(
      true,
    );
    expect(counts).toMatchObject({ staleReads: 0, deadAgents: 0 });
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
    const rounds = readFileSync(record, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Report['rounds'][number] & Record<string, unknown>);
    expect(rounds.map(({ round }) => round)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const { dead, death, staleReads, errors, afterMs } of rounds) {
      expect({ staleReads, errors }).toEqual({ staleReads: 0, errors: [] });
      expect(afterMs).toBeLessThan(5000);
      expect(death ?? `agent ${String(dead)}`).toMatch(new RegExp(`agent ${String(dead)}\\b`));
    }
    expect(rounds.some(({ death }) => death !== undefined)).toBe(true);
    expect(code).toBe(0);
  });
});

describe('in one event loop', { timeout }, () => {
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
    ['umem-odp', /4 of 4 tasks wait for ever/],
  ])('%s is caught', async (strategy, message) => {
    const args = ['--workers', '0', '--strategy', strategy, '--seconds', '3'];
    const { code, out } = await stress(...args);
    expect(out).toMatch(message);
    expect(code).toBe(1);
  });
});

describe('bad usage exits with 2 and says in one line what was expected and what came', () => {
  const usage: [string, string[], RegExp][] = [
    [
      'a strategy of one event loop on workers',
      ['--strategy', 'kvm'],
      /expected a strategy in shared memory \(.*interval.*\), got 'kvm'.*--workers 0/,
    ],
    ['a rate above 1', ['--fault', '2'], /expected a share from 0 to 1, got '2'/],
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
