/**
 * Of the variants as of v5.3: a buffer without anything published is in no tree, so whoever expects to be called before
 * that, or after it was torn down, meets HFI-1.
 */
import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { hfi1MmuRb } from '../src/index.ts';

const notInTheTree =
  'S1 S1.sleeps S1.sync S1.events S2.ends S3 S5 S5.two S5.install S5.new S6 S7 S8 TREE.intersection R2 R2.other R2.lock R2.queue R2.try R6.sync R6.abort R6.lock D1.at-once D4.at-once U1 U1.invalidate U1.finish U1.aborted U1.abort U2 M2 N1 N2 N2.refused N2.nested N3 N5 E1 E1.finish E2 E3 F1 P1.absent C1 A2 L1.section L2 O1 IGT.map-fixed O2';
const freed = 'needs memory that is freed';

conformDriver(hfi1MmuRb, 'v5.3', {
  races: {
    'HFI-1': notInTheTree,
    // The start neither calls nor waits: the library does, later.
    'HFI-4':
      'S1.sleeps S1.sync S2.ends S5.install S7 S8 TREE.intersection R6.sync R6.lock U1.finish U1.aborted U2 N1 N2 N2.refused N3 N5 E1 E1.finish F1 A2 HMM.anon-read HMM.anon-write HMM.anon-write-child HMM.migrate HMM.exclusive HMM.snapshot IGT.unmap-cycles IGT.map-fixed KVM.slots ODP.dontneed',
  },
  unseen: { 'HFI-3': freed },
});

conformDriver(hfi1MmuRb, 'fixed');

conformDriver(hfi1MmuRb, 'v5.3-sdma', {
  races: {
    'HFI-1': notInTheTree,
    'HFI-2':
      'S1.sync TREE.intersection HMM.anon-read HMM.anon-write HMM.anon-write-child HMM.migrate HMM.exclusive HMM.snapshot IGT.unmap-cycles IGT.map-fixed KVM.mprotect KVM.slots ODP.dontneed',
  },
  unseen: { 'HFI-3': freed },
});

conformDriver(hfi1MmuRb, 'fixed-sdma');
