/** Values of `Sub.state`. verify.ts has the table of what each means for the tree and the lists. */

/** In the free list, or never used. */
export const free = 0;
/** Prepared, not inserted, or its insert failed: closing it is harmless. */
export const detached = 1;
/** In the tree. */
export const inserted = 2;
/** In the deferred list, not yet in the tree. */
export const inserting = 3;
/** In the deferred list; the closer waits for the epoch's end. */
export const removing = 4;
/** Out of every structure; the closer frees it. */
export const removed = 5;
