import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { vhost } from '../src/index.ts';

const missing = { 'a virtqueue’s areas have one count': 'R1.elsewhere' };

conformDriver(vhost, 'v5.3', {
  races: {
    'VH-1': 'S2 TREE.intersection O1',
    'VH-3': 'O1 KVM.slots O2',
    'VH-5': 'N1.elsewhere',
  },
  missing,
  unseen: {
    'VH-2': 'needs somebody who uses a map: the explorer’s `use`',
    'VH-4': 'needs somebody who uses another map: the explorer’s `use-elsewhere`',
  },
});

conformDriver(vhost, 'fixed', { missing });
