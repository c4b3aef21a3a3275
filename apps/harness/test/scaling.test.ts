/** `compare --agents`: the plan, and the command. */
import { generate } from '@mmu-notifier/workloads';
import { describe, expect, test } from 'vitest';
import { makePlan, type Call } from '../src/scaling/plan.ts';
import { harness } from './command.ts';

const events = generate('gpu-user-pointers', { seed: 1, events: 2000 });

/** The calls without what numbers them. */
function names(calls: readonly Call[]): string[] {
  return calls.map((call) =>
    call.kind === 'section' ? `${call.event} ${call.start}` : `${call.kind} ${call.registration}`,
  );
}

describe('the plan', () => {
  test('has every call once, whatever the number of agents', () => {
    const [one, three] = [makePlan(events, 1), makePlan(events, 3)];
    expect(three.calls).toHaveLength(3);
    expect(names(three.calls.flat()).sort()).toEqual(names(one.calls.flat()).sort());
    expect(one.calls[0]!.some(({ kind }) => kind === 'section')).toBe(true);
    expect(one.calls[0]!.some(({ kind }) => kind === 'access')).toBe(true);
  });

  test('keeps a device on one agent, and the order of its calls', () => {
    const { calls, registrations } = makePlan(events, 3);
    for (const registration of registrations.keys()) {
      const its = calls.map((of) =>
        of.filter((call) => 'registration' in call && call.registration === registration),
      );
      const busy = its.filter((of) => of.length > 0);
      expect(busy).toHaveLength(1);
      expect(busy[0]![0]!.kind).toBe('register');
    }
  });

  test('lists for a section just the pages with a version that it covers', () => {
    const { calls, registrations, pages, entries } = makePlan(events, 1);
    const known = new Set(
      registrations.flatMap((each) =>
        each.entries.map(({ address }) => `${each.space} ${address}`),
      ),
    );
    expect(pages).toBe(known.size);
    expect(entries).toBe(registrations.flatMap((each) => each.entries).length);
    const sections = calls[0]!.filter((call) => call.kind === 'section');
    for (const { space, start, end, pages: changed } of sections) {
      const covered = [...known].filter((key) => {
        const [of, address] = key.split(' ').map(Number) as [number, number];
        return of === space && address < end && address + 4096 > start;
      });
      expect(changed).toHaveLength(covered.length);
    }
  });
});

test(
  'the command tells how strategies scale, and catches the control',
  { timeout: 120_000 },
  async () => {
    const args = [
      '--agents',
      '2',
      '--strategy',
      'none,interval,kvm',
      '--workload',
      'gpu-user-pointers',
    ];
    const { code, out } = await harness(['compare', '--events', '2000', ...args]);
    expect(out).toMatch(/one event loop only, left out: kvm/);
    expect(out).toMatch(/interval\s+│\s+0 │.*\(×\d/);
    expect(out).toMatch(/none\s+│\s+[1-9]/);
    expect(code).toBe(0);
  },
);
