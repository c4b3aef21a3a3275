/**
 * Domains of sleepable RCU. Linux has one for all address spaces of the system (DEFINE_STATIC_SRCU in
 * mm/mmu_notifier.c): simple, but a callback that sleeps in one process delays every unregister in all others.
 */
import { headerWords, Region, Srcu, srcuWords } from '@mmu-notifier/sync';
import type { SrcuDomain } from './walk.ts';

const kind = 'hlist-srcu domain';

/** Bytes that a domain takes. */
export const srcuDomainByteLength: number = (headerWords + srcuWords) * 4;

/**
 * Lays out a domain for several address spaces, in shared memory if the agents are many.
 *
 * @throws NotifierError `MMN_MEMORY`
 */
export function createSrcuDomain(memory?: ArrayBufferLike): SrcuDomain {
  const description = { kind, capacity: 1, byteLength: srcuDomainByteLength };
  return domainIn(Region.create(description, memory), headerWords);
}

/** Finds the domain that another agent laid out. Call it once in an agent. @throws NotifierError `MMN_MEMORY` */
export function attachSrcuDomain(memory: ArrayBufferLike): SrcuDomain {
  return domainIn(Region.attach(memory, kind), headerWords);
}

/** @internal a domain among the words of something else */
export function domainIn(region: Region, index: number): SrcuDomain {
  return { srcu: new Srcu(region, index), callbackDepth: 0 };
}

let globalDomain: SrcuDomain | undefined;

/** @internal the one of this event loop */
export function globalSrcuDomain(): SrcuDomain {
  return (globalDomain ??= createSrcuDomain());
}
