import { conformance } from '@mmu-notifier/conformance';
import { describe, it } from 'vitest';
import { hmm } from '../src/index.ts';

/** A notifier whose list has somebody else on it who refuses. */
async function composed() {
  const notifier = hmm.create({ variant: 'fixed' });
  let refuses = false;
  await notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable || !refuses });
  return { notifier, refuse: (isOn: boolean) => void (refuses = isOn) };
}

conformance({
  describe,
  it,
  strategy: hmm,
  variant: 'fixed',
  composed,
  knownGaps: [],
  unseenRaces: ['HMM-4'],
});
