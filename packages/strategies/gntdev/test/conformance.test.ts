/** Only maps that are mapped are called, and nothing refuses a fault that is under way (GNT-1). */
import { conformance } from '@mmu-notifier/conformance';
import { describe, it } from 'vitest';
import { gntdev } from '../src/index.ts';

/** A notifier whose list has somebody else on it who refuses. */
async function composedAs(variant: string) {
  const notifier = gntdev.create({ variant });
  let refuses = false;
  await notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable || !refuses });
  return { notifier, refuse: (isOn: boolean) => void (refuses = isOn) };
}

conformance({
  describe,
  it,
  strategy: gntdev,
  variant: 'v5.3',
  composed: () => composedAs('v5.3'),
  seed: 1, // of what is random, so that the gaps are always the same
  knownGaps:
    'S1 S1.events S5 S5.two S5.new S6 R2 R2.other R2.lock R2.queue N2.nested O1 HMM.anon-teardown IGT.map-fixed O2'
      .split(' ')
      .map((key) => ({ key, race: 'GNT-1' })),
  unseenRaces: ['GNT-2', 'GNT-3'],
});

conformance({
  describe,
  it,
  strategy: gntdev,
  variant: 'fixed',
  composed: () => composedAs('fixed'),
  knownGaps: [],
});
