/* SPDX-License-Identifier: MIT */
/* Whether somebody else is busy on the same core: see ../src/contention.ts. */
#ifndef CONTENTION_H
#define CONTENTION_H

/* Time of a loop that keeps the execution units busy, over that of one that does not. Takes a few milliseconds. */
double measure_contention(void);

#endif
