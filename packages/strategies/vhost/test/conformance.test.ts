import { conformance } from '@mmu-notifier/conformance';
import { describe, it } from 'vitest';
import { vhost } from '../src/index.ts';

/** A notifier whose list has somebody else on it who refuses. */
async function composedAs(variant: string) {
  const notifier = vhost.create({ variant });
  let refuses = false;
  await notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable || !refuses });
  return { notifier, refuse: (isOn: boolean) => void (refuses = isOn) };
}

conformance({
  describe,
  it,
  strategy: vhost,
  variant: 'v5.3',
  composed: () => composedAs('v5.3'),
  seed: 1, // of what is random, so that the gaps are always the same
  knownGaps: 'S2 TREE.intersection R1.elsewhere O1 KVM.slots O2'
    .split(' ')
    .map((key) => ({ key, race: 'VH-1' })),
  unseenRaces: ['VH-2', 'VH-3', 'VH-4', 'VH-5'],
});

conformance({
  describe,
  it,
  strategy: vhost,
  variant: 'fixed',
  composed: () => composedAs('fixed'),
  knownGaps: ['R1.elsewhere'],
});
