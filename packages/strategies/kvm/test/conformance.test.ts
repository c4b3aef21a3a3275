import { conformDriver } from '../../hlist-srcu/test/driver-kit.ts';
import { kvm } from '../src/index.ts';

conformDriver(kvm, 'v5.3', { races: { 'KVM-3': 'R1.elsewhere', 'KVM-5': 'N4' } });

conformDriver(kvm, 'ranged');
