import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { gntdev } from '../src/index.ts';

conformDriver(gntdev, 'v5.3', {
  races: {
    'GNT-2': 'S5 S5.two S5.new S6 R2 R2.other R2.lock R2.queue N2.nested O1 IGT.map-fixed O2',
    'GNT-3': 'S1 HMM.anon-teardown IGT.map-fixed',
  },
  missing: { 'a map is gone when all of it is unmapped, and later sections miss it': 'S1.events' },
  unseen: {
    'GNT-1': 'needs somebody else who uses the pages: the explorer’s `use-beside`',
  },
});

conformDriver(gntdev, 'fixed');
