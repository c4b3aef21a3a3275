import { conformance } from '@mmu-notifier/conformance';
import { nodeAgents } from '@mmu-notifier/conformance/agents';
import { hlistSrcu } from '@mmu-notifier/hlist-srcu';
import { describe, it } from 'vitest';
import { interval } from '../src/variants.ts';

const agents = nodeAgents(new URL('../src/variants.ts', import.meta.url), 'interval');

/** A notifier that carries a legacy list with somebody on it who refuses. */
async function composedAs(variant: string) {
  const notifier = interval.create({ variant, legacy: hlistSrcu });
  let refuses = false;
  await notifier.legacy.register({
    invalidateRangeStart: ({ blockable }) => blockable || !refuses,
  });
  return { notifier, refuse: (isOn: boolean) => void (refuses = isOn) };
}

for (const variant of ['landed', 'scoped']) {
  const composed = () => composedAs(variant);
  conformance({ describe, it, strategy: interval, variant, agents, composed, knownGaps: [] });
}

conformance({
  describe,
  it,
  strategy: interval,
  variant: 'v1',
  agents,
  seed: 1, // of what is random, so that the gaps are always the same
  composed: () => composedAs('v1'),
  knownGaps: [
    {
      key: 'N2',
      because: 'it turns the number before it tries the lock: a read is refused in vain',
    },
    { key: 'N4', race: 'U-7' },
    { key: 'L1.beside', race: 'U-3' },
    { key: 'L1.after', race: 'U-4' },
    { key: 'L1.late', race: 'U-1' },
    { key: 'L1.read', race: 'U-1' },
    { key: 'L1.errors', race: 'U-1' },
    { key: 'EXPLORE.close', race: 'U-5' },
    { key: 'EXPLORE.exit', race: 'U-1' },
    { key: 'AGENTS.release', race: 'U-1' },
    { key: 'AGENTS.race', race: 'U-5', byChance: true },
  ],
  unseenRaces: {
    'U-8': 'needs a subscription that failed and can be closed: the explorer’s `insert-failed`',
  },
});

conformance({ describe, it, strategy: interval, variant: 'local', knownGaps: [] });
