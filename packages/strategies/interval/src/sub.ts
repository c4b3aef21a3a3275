/**
 * The words of a subscription's record, `Sub`. `start` and `last` count 64-bit words, the others 32-bit ones. Who may
 * write which is in layout.ts.
 */

/** The sequence number of the last section that hit it: always odd. High is -1 after release. */
export const seqLow = 0;
export const seqHigh = 1;
/** One of state.ts. */
export const state = 2;
/** Neighbours in the deferred list, or in the free list: a handle + 1, or 0. */
export const next = 3;
export const previous = 4;
export const ops = 5;
export const cookie = 6;
/** The driver's lock when it brought none. */
export const mutex = 7;
/** Inclusive. */
export const start = 4;
export const last = 5;

export const sizeWords = 12;
