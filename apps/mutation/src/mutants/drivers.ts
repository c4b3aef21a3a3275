/** The drivers' schemes: KVM with the two mistakes that others made who copied it, and the faithful ones as they were. */
import { mutantsOf, type Mutant } from '../mutant.ts';

/** A variant that is broken as it is. */
function faithful(
  strategy: string,
  exportName: string,
  id: string,
  kills: string,
  variant = 'v5.3',
): Mutant {
  const ordering = 'as the original was';
  return {
    name: `${strategy}: as of ${variant} (${id})`,
    strategy,
    exportName,
    variant,
    kills,
    ordering,
  };
}

export const driverMutants: readonly Mutant[] = [
  ...mutantsOf('kvm', 'kvm', 'ranged', [
    [
      'an end does not turn the number',
      'kvm.ts',
      'invalidateRangeEnd(): void {\n    this.seq++;',
      'invalidateRangeEnd(): void {',
      'R2',
      'a read and a later section are told apart by that number alone',
    ],
    [
      'a fault takes the number that is there when it publishes (KVM-2)',
      'memslot.ts',
      'return this.#kvm.collided(this, seq);',
      'return this.#kvm.collided(this, (seq, this.#kvm.seq as Seq));',
      'R2',
      'the number is taken after the page was read',
    ],
    [
      'a fault looks at the count alone (KVM-1)',
      'kvm.ts',
      'return this.isRaisedFor(slot) || this.seq !== seq;',
      'return this.isRaisedFor(slot) || (this.seq < 0 && this.seq !== seq);',
      'R2',
      'a section that is over between read and install',
    ],
    [
      'the range of open sections is the last one’s',
      'kvm.ts',
      'this.#rangeStart = Math.min(this.#rangeStart, start);\n      this.#rangeEnd = Math.max(this.#rangeEnd, end);',
      'this.#rangeStart = start;\n      this.#rangeEnd = end;',
      'S5.two',
      'two sections are open at once',
    ],
    [
      'the lock is not given back when nothing is hit',
      'kvm.ts',
      'this.mmuLock.unlock();\n    return true;',
      'return true;',
      'S7',
      'a lock stays taken',
    ],
    [
      'faults that wait are not woken',
      'kvm.ts',
      'if (this.count === 0) this.#idle.complete();\n  }\n}',
      '}\n}',
      'R1',
      'a wake is missing',
    ],
    [
      'a slot that goes leaves a hole',
      'kvm.ts',
      'this.#slots[slot.index] = last;\n      last.index = slot.index;',
      'last.index = slot.index;',
      'TREE.intersection',
    ],
    [
      'a section that was refused stays counted',
      'kvm.ts',
      'if (!isTornDown) this.#lower(); // nothing changes',
      '// nothing changes',
      'N2.refused',
      'a section that nobody has open holds up readers',
    ],
  ]),
  ...mutantsOf('umem-odp', 'umemOdp', 'fixed', [
    [
      'a refused start keeps the guard (ODP-6, before v5.2)',
      'per-mm.ts',
      'this.guard.leave(); // ODP-6: until 7608bf40cf24 (v5.2) it was kept\n',
      '',
      'N2.refused',
      'a section that nobody has open holds up readers',
    ],
    [
      'the tree changes while sections are open',
      'section-guard.ts',
      'if (this.#open > 0 && !this.#isAbandoned) return false;',
      '',
      'D1.nested',
      'the tree changes under open sections',
    ],
    [
      'an end lowers no count',
      'umem.ts',
      'this.seq++;\n    this.count--;',
      'this.seq++;',
      'R1',
      'the count of open sections never falls',
    ],
  ]),
  faithful('interval', 'interval', 'U-1, U-4, U-5, U-7', 'L1.late', 'v1'),
  faithful('hlist-srcu', 'hlistSrcu', 'L-2', 'N2.refused'),
  faithful('umem-odp', 'umemOdp', 'ODP-1', 'D1.nested'),
  faithful('kvm', 'kvm', 'KVM-5', 'N4'),
  faithful('hmm', 'hmm', 'HMM-1', 'R2.other'),
  faithful('i915-userptr', 'i915Userptr', 'I915-1', 'R2'),
  faithful('radeon-mn', 'radeonMn', 'RAD-1', 'R2'),
  faithful('amdgpu-mn', 'amdgpuMn', 'AMD-1', 'R2'),
  faithful('hfi1-mmu-rb', 'hfi1MmuRb', 'HFI-1', 'R2'),
  faithful('scif-dma', 'scifDma', 'SCIF-1', 'R2'),
  faithful('vhost', 'vhost', 'VH-1', 'O1'),
  faithful('gntdev', 'gntdev', 'GNT-1', 'R2'),
];
