import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { umemOdp } from '../src/index.ts';

conformDriver(umemOdp, 'v5.3', {
  races: { 'ODP-1': 'D1.nested', 'ODP-2': 'N4', 'ODP-5': 'L1.open' },
  unseen: {
    'ODP-3': 'is of what stands around the region, which is the subscriber’s',
    'ODP-4': 'needs implicit regions and the hardware’s queue, which are not modelled',
    'ODP-6': 'was mended before v5.3, but for life cycles of memory that is freed',
  },
});

conformDriver(umemOdp, 'fixed');
