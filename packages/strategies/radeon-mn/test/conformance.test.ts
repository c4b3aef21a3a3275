/** Of `v5.3`: a bo that is not bound is skipped, so whoever expects to be called before he has published anything meets RAD-1. */
import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { radeonMn } from '../src/index.ts';

conformDriver(radeonMn, 'v5.3', {
  races: {
    'RAD-1':
      'S1 S1.sleeps S1.sync S1.events S2.ends S4 S5 S5.two S5.install S7 S8 R2 R2.other R2.lock R2.queue R5 R6 R6.abort R6.lock R7 Q2 U1 U1.invalidate U1.finish U1.aborted U1.abort U2 U3 U4 N1.told N2.refused N3 N4 N5 E1 E1.try E1.finish E2 E3 F1 P1.absent C1 A2 L1.section L2 O1 IGT.map-fixed',
    'RAD-2': 'S5 S5.two S6 R1 R1.second R1.abort R5 R8 N2.nested O2',
  },
  missing: {
    'a section hits nodes, which are merged: some bos that it misses, and not all': 'S3.absent',
    'nothing is called when the address space ends':
      'L1 L1.beside L1.order L1.errors L1.close IGT.process-exit',
  },
  unseen: {
    'RAD-3':
      'needs a section that is raised while a bo is being bound, which the contract does not promise: the explorer’s `raise-within`',
    'RAD-4': 'needs a tree that is erased while it is walked, and memory that is freed',
  },
});

conformDriver(radeonMn, 'fixed');
