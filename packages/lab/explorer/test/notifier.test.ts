/** The race of Linux's mmu_interval_notifier_remove against the end of a section, in a small notifier. */
import { describe, expect, it } from 'vitest';
import { explore, replay, verify } from '../src/index.ts';
import { notifierScenario } from './notifier.ts';

const two = {
  nodes: 1,
  threads: { invalidator: { invalidate: 1 }, remover: { remove: 0 } },
} as const;
const three = {
  nodes: 2,
  threads: { invalidator: { invalidate: 1 }, reader: { read: 0 }, remover: { remove: 1 } },
} as const;

describe.each([
  ['two threads', two],
  ['three threads', three],
])('%s', (_, scenario) => {
  it('the remover that looks without the lock is found to free too early', () => {
    const wrong = notifierScenario({ ...scenario, lockless: true });
    const { failure } = explore(wrong);
    expect(failure).toMatchObject({ verdict: 'data-race', isMinimal: true });
    expect(failure!.diagram).toMatch(/free node\d\.start, 32 bytes/);
    expect(replay(wrong, failure!.schedule)!.message).toBe(failure!.message);
  });

  it('the remover that looks under the lock is covered completely', () => {
    expect(verify(notifierScenario({ ...scenario, lockless: false })).status).toBe('complete');
  });
});

it('without the race detector it takes three preemptions to touch what was freed', () => {
  const wrong = notifierScenario({ ...two, lockless: true });
  const bounded = (preemptions: number) =>
    explore({ ...wrong, strategy: 'dfs', preemptions, minimizeSeconds: 0 }).verdict;
  expect(bounded(0)).toBe('ok');
  expect(bounded(2)).toBe('data-race');
});
