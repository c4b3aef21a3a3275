/** What the two threads share, and what they say to each other. */
import { interval } from '@mmu-notifier/interval/shared';
import { codeBytes } from './guest.ts';

/** Words of {@link Shared.state}. */
export const word = {
  /** The ticket of the compiled block that is valid now, or 0. Written under the driver's lock. */
  valid: 0,
  /** The last ticket that was given out. */
  tickets: 1,
  /** 1: the compiler has read the guest's code. */
  hasRead: 2,
  /** 1: the guest has changed its code. Until then, the first compilation takes long. */
  hasWritten: 3,
} as const;

/** The id under which both threads register their ops table. */
export const opsId = 0;

/** What the compiler's thread gets. */
export interface Shared {
  readonly code: Uint8Array;
  readonly state: Int32Array;
  /** The notifier's words, and the subscription of the block; without it, it is compiled naively. */
  readonly guard: { readonly memory: SharedArrayBuffer; readonly id: number } | undefined;
}

/** What it answers, each time that it has compiled. */
export interface Compiled {
  readonly module: WebAssembly.Module;
  readonly ticket: number;
}

/** Memory for a run. */
export function createShared(): Omit<Shared, 'guard'> & { memory: SharedArrayBuffer } {
  return {
    code: new Uint8Array(new SharedArrayBuffer(codeBytes)),
    state: new Int32Array(new SharedArrayBuffer(16)),
    memory: new SharedArrayBuffer(interval.byteLength(8)),
  };
}
