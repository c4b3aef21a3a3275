/** Only windows that are cached are called, and nothing refuses a fault that is under way (SCIF-1). */
import { conformance } from '@mmu-notifier/conformance';
import { describe, it } from 'vitest';
import { scifDma } from '../src/index.ts';

/** A notifier whose list has somebody else on it who refuses. */
async function composedAs(variant: string) {
  const notifier = scifDma.create({ variant });
  let refuses = false;
  await notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable || !refuses });
  return { notifier, refuse: (isOn: boolean) => void (refuses = isOn) };
}

conformance({
  describe,
  it,
  strategy: scifDma,
  variant: 'v5.3',
  composed: () => composedAs('v5.3'),
  seed: 1, // of what is random, so that the gaps are always the same
  knownGaps:
    'S1 S1.sleeps S1.sync S1.events S2.ends S3 S5 S5.two S5.install S5.new S6 S7 S8 TREE.intersection R2 R2.other R2.lock R2.queue R2.try R6.sync R6.abort R6.lock D1.at-once D4.at-once U1 U1.invalidate U1.finish U1.aborted U1.abort U2 M2 N1 N2 N2.refused N2.nested N3 N5 E1 E1.finish E2 E3 F1 P1.absent A2 L1.section L2 O1 HMM.anon-read HMM.anon-write HMM.anon-write-child HMM.migrate HMM.exclusive HMM.snapshot IGT.unmap-cycles IGT.map-fixed KVM.slots ODP.dontneed O2'
      .split(' ')
      .map((key) => ({ key, race: 'SCIF-1' })),
  unseenRaces: ['SCIF-2', 'SCIF-3', 'SCIF-4', 'SCIF-5'],
});

conformance({
  describe,
  it,
  strategy: scifDma,
  variant: 'fixed',
  composed: () => composedAs('fixed'),
  knownGaps: [],
});

conformance({
  describe,
  it,
  strategy: scifDma,
  variant: 'cached',
  composed: () => composedAs('cached'),
  seed: 1, // of what is random, so that the gaps are always the same
  knownGaps:
    'S1 S1.sleeps S1.sync S1.events S2.ends S3 S5 S5.two S5.install S5.new S6 S7 S8 TREE.intersection R2 R2.other R2.lock R2.queue R2.try R6.sync R6.abort R6.lock D1.at-once D4.at-once U1 U1.invalidate U1.finish U1.aborted U1.abort U2 M2 N1 N2 N2.refused N2.nested N3 N5 E1 E1.finish E2 E3 F1 P1.absent C1 A2 L1.section L2 O1 HMM.snapshot IGT.map-fixed O2'
      .split(' ')
      .map((key) => ({ key, race: 'SCIF-1' })),
  unseenRaces: ['SCIF-3', 'SCIF-4', 'SCIF-5'],
});
