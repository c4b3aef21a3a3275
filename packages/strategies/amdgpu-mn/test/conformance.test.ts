/** Of `v5.3`: a bo’s first publication meets AMD-1, each later one AMD-2. */
import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { amdgpuMn } from '../src/index.ts';

const first = 'S5 S5.two R2 R2.lock O1';
const later = 'R2.other R6.async R6.queue R6.sync Q2 U4 N1';
const any =
  'S1.sync S4 S7 S8 R6 R6.abort R7 U3 N1.told N2.refused N3 N5 E1 E1.try E1.finish E2 E3 C1 L1.section L2 O2';

conformDriver(amdgpuMn, 'v5.3', {
  races: {
    'AMD-1': `${first} ${any}`,
    'AMD-2': `${later} ${any}`,
    'HMM-2': 'N4',
    'HMM-4': 'R1.elsewhere R3.scoped',
  },
  missing: { 'a read is over with its publication, and the next section forgets it': 'N2' },
  unseen: { 'AMD-3': 'needs nodes that are freed: the explorer’s `exit-nodes` counts them' },
});

conformDriver(amdgpuMn, 'fixed', {
  unseen: { 'HMM-4': 'the kit ends each section that it waits for' },
});
