/* SPDX-License-Identifier: MIT */
/* Whether somebody else is busy on the same core: see ../src/contention.ts. */
#ifndef CONTENTION_H
#define CONTENTION_H

/* Passes, and how calm it was around them. */
struct passes {
	double begin, fastest;
	int count, calm;
	/* Quotients: the least known, the one before the pass that is being made, and that of the calmest pass. */
	double least, before, contention;
};

void passes_begin(struct passes *passes);

/* After each pass, with its time in nanoseconds. */
void passes_add(struct passes *passes, double ns);

/* Whether the budget is used up and enough passes were not disturbed, or patience is at its end. */
int passes_suffice(const struct passes *passes, double budget_ns);

#endif
