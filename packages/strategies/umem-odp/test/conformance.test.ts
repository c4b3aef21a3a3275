import { conformance } from '@mmu-notifier/conformance';
import { describe, it } from 'vitest';
import { umemOdp } from '../src/index.ts';

/** A notifier whose list has somebody else on it who refuses. */
async function composedAs(variant: string) {
  const notifier = umemOdp.create({ variant });
  let refuses = false;
  await notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable || !refuses });
  return { notifier, refuse: (isOn: boolean) => void (refuses = isOn) };
}

const strategy = umemOdp;
const fixed = { strategy, variant: 'fixed', composed: () => composedAs('fixed') };
conformance({ describe, it, ...fixed, knownGaps: [] });

conformance({
  describe,
  it,
  strategy,
  variant: 'v5.3',
  composed: () => composedAs('v5.3'),
  knownGaps: [
    { key: 'D1.nested', race: 'ODP-1' },
    { key: 'N4', race: 'ODP-2' },
    { key: 'L1.open', race: 'ODP-5' },
  ],
  unseenRaces: ['ODP-3', 'ODP-4', 'ODP-6'],
});
