import { conformance } from '@mmu-notifier/conformance';
import { nodeAgents } from '@mmu-notifier/conformance/agents';
import { describe, it } from 'vitest';
import { hlistSrcu } from '../src/index.ts';

const agents = nodeAgents(new URL('../src/index.ts', import.meta.url), 'hlistSrcu');

/** A notifier with somebody else on its list who refuses. */
async function composedAs(variant: string) {
  const notifier = hlistSrcu.create({ variant });
  let refuses = false;
  await notifier.register({ invalidateRangeStart: ({ blockable }) => blockable || !refuses });
  return { notifier, refuse: (isOn: boolean) => void (refuses = isOn) };
}

const strategy = hlistSrcu;
const fixed = () => composedAs('fixed');
conformance({ describe, it, strategy, agents, composed: fixed, knownGaps: [] });

const race = 'L-2';
conformance({
  describe,
  it,
  strategy,
  variant: 'v5.3',
  agents,
  composed: () => composedAs('v5.3'),
  seed: 1, // of what is random, so that the gaps are always the same
  knownGaps: ['N2.refused', 'N4', 'O1', 'O2'].map((key) => ({ key, race })),
});
