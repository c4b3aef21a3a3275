import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { harness } from './command.ts';

const timeout = 120_000;

describe('explore', () => {
  test(
    '[U-5] finds that v1 frees a record on the deferred list, and replays the schedule',
    { timeout },
    async () => {
      const found = await harness(['explore', '--strategy', 'interval:v1', '--scenario', 'close']);
      expect(found.code).toBe(1);
      expect(found.out).toMatch(/closer: write sub\[0\]\.state := 0\n +at Slab\.free/);
      const schedule = /--replay (\w+)/.exec(found.out)![1]!;
      const only = ['--strategy', 'interval:v1', '--scenario', 'close'];
      const replayed = await harness(['explore', ...only, '--replay', schedule]);
      expect(replayed.code).toBe(1);
      expect(replayed.out).toContain('=> data-race');
      const onWorkers = await harness([
        'explore',
        ...only,
        '--replay',
        schedule,
        '--on',
        'workers',
      ]);
      expect(onWorkers.out).toMatch(
        /^followed, and the failure came again: .* on 2 worker threads/,
      );
      expect(onWorkers.code).toBe(1);
    },
  );

  test(
    '[U-1] finds that v1 publishes across the end of the address space',
    { timeout },
    async () => {
      const { code, out } = await harness([
        'explore',
        '--strategy',
        'interval:v1',
        '--scenario',
        'exit',
      ]);
      expect(code).toBe(1);
      expect(out).toContain('stale: shadow entry 1, page-table entry 2');
    },
  );

  test(
    '[U-3] [U-7] finds in asynchronous code what v1 does wrong beside a legacy list, and replays it',
    { timeout },
    async () => {
      const scenarios = 'exit-partner,refused-close';
      const args = ['--strategy', 'interval:v1', '--scenario', scenarios];
      const found = await harness(['explore', ...args]);
      expect(found.code).toBe(1);
      expect(found.out).toMatch(/exit-partner +told twice, 4 steps/);
      expect(found.out).toMatch(/refused-close +hang: closer \(closes\), /);
      expect(found.out).toContain("=> deadlock: nobody can go on: closer after 'closes'");
      const [, again] = /again: npm run (explore -- .*refused-close.*--replay [\d,]+)/.exec(
        found.out,
      )!;
      const replayed = await harness(again!.replace('-- ', '').split(' '));
      expect(replayed).toMatchObject({ code: 1 });
      expect(replayed.out).toContain('=> deadlock');
      const landed = ['--strategy', 'interval', '--scenario', scenarios];
      expect((await harness(['explore', ...landed])).code).toBe(0);
    },
  );

  test(
    '[O1] is complete for the landed notifier, three threads among them',
    { timeout },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-explore-'));
      const json = join(folder, 'rows.json');
      const scenarios = 'fault,close,subscribe,reap,exit,fault-close';
      const args = [
        '--strategy',
        'interval',
        '--scenario',
        scenarios,
        '--seconds',
        '60',
        '--json',
        json,
      ];
      const { code, out } = await harness(['explore', ...args]);
      expect({ code, out }).toMatchObject({ code: 0 });
      const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { rows: { status: string }[] };
      expect(rows.map(({ status }) => status)).toEqual(scenarios.split(',').map(() => 'complete'));
      rmSync(folder, { recursive: true });
    },
  );

  test(
    '[O1] is complete up to two preemptions for two sections, and for those that wait for less',
    { timeout },
    async () => {
      const bound = ['--preemptions', '2', '--seconds', '60'];
      const crowd = ['--strategy', 'interval', '--scenario', 'two-sections', ...bound];
      const sections = await harness(['explore', ...crowd]);
      expect(sections).toMatchObject({ code: 0 });
      expect(sections.out).toContain('ok, complete-to-bound');
      const scoped = ['--strategy', 'interval:scoped', '--mode', 'shared-memory', ...bound];
      expect(await harness(['explore', ...scoped])).toMatchObject({ code: 0 });
    },
  );

  test('finds the same by going through states', { timeout }, async () => {
    const args = ['explore', '--strategy', 'interval:v1', '--scenario', 'close'];
    const { code, out } = await harness([...args, '--search', 'states']);
    expect(code).toBe(1);
    expect(out).toMatch(/data-race, \d+ steps, \d preemptions; .* states, /);
  });

  test('[O1] is complete for what is correct in one event loop', { timeout }, async () => {
    const correct = 'reference,interval,interval:local,hlist-srcu,kvm:ranged,umem-odp:fixed';
    const { code, out } = await harness(['explore', '--mode', 'event-loop', '--strategy', correct]);
    expect({ code, out }).toMatchObject({ code: 0 });
  });

  test(
    '[SRCU-1] is complete up to two preemptions for unregister against callback against release',
    { timeout },
    async () => {
      const args = ['--strategy', 'hlist-srcu', '--scenario', 'unregister', '--preemptions', '2'];
      const { code, out } = await harness(['explore', ...args, '--seconds', '60']);
      expect(code).toBe(0);
      expect(out).toContain('ok, complete-to-bound');
    },
  );

  test('is complete for the legacy list against close and exit', { timeout }, async () => {
    const args = ['--strategy', 'hlist-srcu', '--scenario', 'close,exit', '--seconds', '60'];
    const { code, out } = await harness(['explore', ...args]);
    expect({ code, out }).toMatchObject({ code: 0 });
  });

  test('exits with 3 when a budget stops it', { timeout }, async () => {
    const args = ['--strategy', 'reference', '--scenario', 'two-sections', '--seconds', '1'];
    const { code, out } = await harness(['explore', ...args]);
    expect(code).toBe(3);
    expect(out).toContain('stopped');
  });

  test.each([
    ['shared-memory', 'two-sections', 1000], // takes minutes
    ['event-loop', 'two-waits', 100], // takes half a second
  ])(
    'Ctrl-C in mode %s exits with 130, prints and writes what was done, and says what was not',
    { timeout },
    async (mode, long, afterMs) => {
      const folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-explore-'));
      const json = join(folder, 'interrupted.json');
      const scenarios = ['fault', long];
      const args = ['--strategy', 'interval,reference', '--scenario', scenarios.join()];
      let isCut = false;
      const { code, out, err } = await harness(
        ['explore', ...args, '--mode', mode, '--seconds', '600', '--json', json],
        (text, interrupt) => {
          if (isCut || !text.includes('complete')) return;
          isCut = true;
          setTimeout(interrupt, afterMs); // the next search is under way by then, and not over
        },
      );
      expect(code).toBe(130);
      expect(err).toContain('Interrupted');
      expect(err).toContain('2 of 4 searches did not begin');
      expect(out).toContain('ok, interrupted');
      const { rows, ...rest } = JSON.parse(readFileSync(json, 'utf8')) as {
        rows: { status: string; counts: { executions: number } }[];
      };
      expect(rows.map(({ status }) => status)).toEqual(['complete', 'interrupted']);
      expect(rows[1]!.counts.executions).toBeGreaterThan(0);
      const left = scenarios.map((scenario) => ({ strategy: 'reference', scenario, mode }));
      expect(rest).toMatchObject({ interrupted: true, left });
      rmSync(folder, { recursive: true });
    },
  );

  test.each([
    [
      ['--strategy', 'kvm', '--mode', 'shared-memory'],
      /expected a strategy that runs in mode shared-memory, got 'kvm'/,
    ],
    [
      ['--strategy', 'kvm', '--scenario', 'fault', '--replay', '7'],
      /choice 1 was one of more than 7/,
    ],
    [
      ['--strategy', 'kvm', '--scenario', 'fault', '--replay', '0', '--on', 'workers'],
      /expected a situation of mode shared-memory for workers, got 'fault' in an event loop/,
    ],
    [['--scenario', 'nope'], /expected a situation \(fault, .*\), got 'nope'/],
    [['--replay', 'a1b1'], /expected --replay with one --strategy and one --scenario/],
    [['--preemptions', '-1'], /expected an integer from 0 to 100, got '-1'/],
  ])('refuses %j with exit code 2', { timeout }, async (args, message) => {
    const { code, err } = await harness(['explore', ...args]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
