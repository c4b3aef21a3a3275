import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { hmm } from '../src/index.ts';

conformDriver(hmm, 'v5.3', {
  races: {
    'HMM-1':
      'S1.sync S4 S7 S8 R2.other R6 R6.async R6.queue R6.sync R6.abort R7 Q2 U3 U4 N1 N1.told N2.refused N3 N5 E1 E1.try E1.finish E2 E3 C1 L1.section L2 O2',
    'HMM-2': 'N4',
    'HMM-4': 'R3.scoped',
  },
  missing: { 'a read is over with its publication, and the next section forgets it': 'N2' },
  unseen: {
    'HMM-3': 'needs memory that is freed under a callback',
    'NV-1': 'needs a wait of a second: the explorer’s `fault-leave`',
    'NV-2': 'is of the device’s addresses, and too much is torn down, never too little',
    'NV-3': 'is HMM-1',
  },
});

conformDriver(hmm, 'fixed', {
  unseen: { 'HMM-4': 'the kit ends each section that it waits for' },
});
