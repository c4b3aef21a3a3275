/**
 * Of `v5.3`: an object without pages is in no tree, so whoever expects to be called before he has published anything, or
 * after he was torn down, meets I915-1.
 */
import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { i915Userptr } from '../src/index.ts';

conformDriver(i915Userptr, 'v5.3', {
  races: {
    'I915-1':
      'S1 S1.sleeps S1.sync S1.events S2.ends S3 S4 S5 S5.two S5.install S6 S7 S8 TREE.intersection R2 R2.other R2.lock R2.queue R2.try R5 R6 R6.sync R6.abort R6.lock R7 Q2 U1 U1.invalidate U1.finish U1.aborted U1.abort U2 U3 N1 N1.told N2 N2.refused N2.nested N3 N4 N5 E1 E1.try E1.finish E2 E3 F1 P1.absent C1 A2 L1.section L2 O1 O2',
    'I915-2': 'S5 S5.two S6 R1 R1.second R1.abort R5 R8 N2.nested IGT.map-fixed',
    'I915-3': 'S1.once',
  },
  missing: {
    'nothing is called when the address space ends (MODEL-2)':
      'L1 L1.beside L1.order L1.errors L1.close IGT.process-exit',
  },
  unseen: {
    'I915-4': 'needs a task that is being killed: the explorer’s `killed`',
    'I915-5': 'needs pages that have locks, which the raiser holds: they have none here',
    'I915-6':
      'needs an object that raises a section when it is given up, and then nothing goes wrong: sections.test.ts',
  },
});

conformDriver(i915Userptr, 'fixed');
