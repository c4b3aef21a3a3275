import { conformance } from '@mmu-notifier/conformance';
import { describe, it } from 'vitest';
import { kvm } from '../src/index.ts';

/** A notifier whose list has somebody else on it who refuses. */
async function composedAs(variant: string) {
  const notifier = kvm.create({ variant });
  let refuses = false;
  await notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable || !refuses });
  return { notifier, refuse: (isOn: boolean) => void (refuses = isOn) };
}

const strategy = kvm;
const fixed = { strategy, variant: 'ranged', composed: () => composedAs('ranged') };
conformance({ describe, it, ...fixed, knownGaps: [] });

conformance({
  describe,
  it,
  strategy,
  variant: 'v5.3',
  composed: () => composedAs('v5.3'),
  knownGaps: [
    { key: 'R1.elsewhere', race: 'KVM-3' },
    { key: 'N4', race: 'KVM-5' },
  ],
});
