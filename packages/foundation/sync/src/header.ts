/**
 * The words of a region's header. Magic, capacity, byteLength, kind and variant are memory.ts's, written by `create` and
 * `grow`; `nextAgent` counts; `graceMs`, `deaths` and `dead` are deaths.ts's. The last four are atomic.
 *
 *  word   0       1         2          3          4         5       6       7      8 … 15   16 … 23   24 … 31
 *       magic  version  capacity  byteLength  nextAgent  graceMs  deaths  unused    kind    variant     dead
 */
export const magic = 0;
export const version = 1;
export const capacity = 2;
export const byteLength = 3;
export const nextAgent = 4;
export const graceMs = 5;
export const deaths = 6;
export const kind = 8;
export const variant = 16;
export const dead = 24;
