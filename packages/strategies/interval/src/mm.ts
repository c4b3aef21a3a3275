/**
 * The words of an address space: `Mm`, of which there is one, from `mmAt` on. Offsets as in C: `seqQueue` and `idleQueue`
 * count 64-bit words, the others 32-bit ones. Who may write which is in layout.ts. Constants of a module, and not fields of
 * an object, are folded into the code that uses them, by bundlers too.
 */
export const lock = 0;
export const slab = 1;
/** Open sections. */
export const active = 2;
/** The sequence number's low 32 bits, and the other 21: even when idle or partial, odd when full. */
export const seqLow = 3;
export const seqHigh = 4;
/** Head of the list of changes that wait for the tree: a handle + 1, or 0. */
export const deferred = 5;
/** Head of the list of free records: a handle + 1, or 0; behind `bump` all are free. */
export const free = 6;
export const bump = 7;
/** Subscriptions from insert to close. Linux: the references that mmgrab took. */
export const count = 8;
export const released = 9;
/** Two wait queues: readers and closers wait for seq, registrations for `active === 0`. */
export const seqQueue = 5;
export const idleQueue = 6;

export const sizeWords = 14;
