/** Every row, by scheme. */
import type { Group } from './document.ts';
import { amdgpuMn } from './entries/amdgpu-mn.ts';
import { foundHere } from './entries/found-here.ts';
import { gntdev } from './entries/gntdev.ts';
import { hfi1MmuRb } from './entries/hfi1-mmu-rb.ts';
import { hmm } from './entries/hmm.ts';
import { i915Userptr } from './entries/i915-userptr.ts';
import { kvm } from './entries/kvm.ts';
import { legacy } from './entries/legacy.ts';
import { radeonMn } from './entries/radeon-mn.ts';
import { scifDma } from './entries/scif-dma.ts';
import { umemOdp } from './entries/umem-odp.ts';
import { unified } from './entries/unified.ts';
import { vhost } from './entries/vhost.ts';

/** See the file's head. */
export const groups: readonly Group[] = [
  { title: 'The legacy list', entries: legacy },
  { title: 'The unified notifier', entries: unified },
  { title: 'i915 user pointers', entries: i915Userptr },
  { title: 'radeon', entries: radeonMn },
  { title: 'amdgpu', entries: amdgpuMn },
  { title: 'umem_odp', entries: umemOdp },
  { title: 'hfi1', entries: hfi1MmuRb },
  { title: 'scif', entries: scifDma },
  { title: 'vhost', entries: vhost },
  { title: 'gntdev', entries: gntdev },
  { title: 'HMM and nouveau', entries: hmm },
  { title: 'KVM', entries: kvm },
  { title: 'Found here', entries: foundHere },
];
