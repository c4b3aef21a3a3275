/**
 * Of `v5.3` and `cached`: a buffer has a window from its first copy on, so whoever expects to be called before, or after it
 * was torn down, meets SCIF-1. In `v5.3` he has none in the list then either (SCIF-2).
 */
import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { scifDma } from '../src/index.ts';

const neverCalled =
  'S1 S1.sleeps S1.sync S1.events S2.ends S3 S5.install S6 S7 S8 TREE.intersection R6.sync R6.abort R6.lock D1.at-once U1 U1.finish U1.aborted U1.abort U2 M2 N1 N2 N2.refused N2.nested N3 N5 E1 E1.finish E2 E3 F1 P1.absent A2 L1.section L2 O1 IGT.map-fixed';
const notCalledYet = 'D4.at-once U1.invalidate';
const notRefused = 'S5 S5.two S5.new R2 R2.other R2.lock R2.queue R2.try O2';
const unseen = {
  'SCIF-4': 'needs two processors that change the links of a list',
  'SCIF-5': 'needs memory that is freed',
};

conformDriver(scifDma, 'v5.3', {
  races: {
    'SCIF-1': `${neverCalled} ${notCalledYet} ${notRefused}`,
    'SCIF-2': `${neverCalled} S1.once HMM.anon-read HMM.anon-write HMM.anon-write-child HMM.migrate HMM.exclusive HMM.snapshot IGT.unmap-cycles KVM.slots ODP.dontneed`,
    'SCIF-3': 'HMM.snapshot',
  },
  unseen,
});

conformDriver(scifDma, 'fixed');

conformDriver(scifDma, 'cached', {
  races: {
    'SCIF-1': `${neverCalled} ${notCalledYet} ${notRefused} C1`,
    'SCIF-3': 'HMM.snapshot',
  },
  unseen,
});
