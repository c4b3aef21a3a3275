/* SPDX-License-Identifier: MIT */
#include "contention.h"

#include <stdlib.h>

#include "operations.h"

/* As in ../src/contention.ts. */
#define DISTURBED 1.04
#define CALM_PASSES 10
#define PATIENCE 2

/* Volatile, so that no compiler makes other loops of these. */
static volatile double numbers[64];

static int many_at_once(void)
{
	int a = 0, b = 0, c = 0, d = 0;

	for (int k = 0; k < 20000; k++) {
		int at = k & 60;

		a += numbers[at] < 7;
		b += numbers[at + 1] < 7;
		c += numbers[at + 2] < 7;
		d += numbers[at + 3] < 7;
	}
	return a + b + c + d;
}

static double one_after_another(void)
{
	double x = numbers[1];

	for (int k = 0; k < 4000; k++)
		x = x * 0.999 + 0.3;
	return x;
}

/* Time of a loop that keeps the execution units busy, over that of one that does not: the least of three, as an interrupt is none. */
static double quotient(void)
{
	static volatile double sum;
	double begin = now_ns(), busy, waiting = 1e300;

	sum = sum + many_at_once();
	busy = now_ns() - begin;
	for (int k = 0; k < 3; k++) {
		double ns;

		begin = now_ns();
		sum = sum + one_after_another();
		ns = now_ns() - begin;
		if (ns < waiting)
			waiting = ns;
	}
	return busy / waiting;
}

void passes_begin(struct passes *passes)
{
	const char *least = getenv("MMN_BENCH_LEAST_CONTENTION");

	for (int k = 0; k < 64; k++)
		numbers[k] = k;
	*passes = (struct passes){ .fastest = 1e300, .contention = 1e300 };
	passes->least = least ? strtod(least, NULL) : 1e300;
	passes->before = quotient();
	passes->begin = now_ns();
}

void passes_add(struct passes *passes, double ns)
{
	double after = quotient();
	double around = passes->before > after ? passes->before : after;

	passes->count++;
	if (ns < passes->fastest)
		passes->fastest = ns;
	if (after < passes->least)
		passes->least = after;
	if (around < passes->contention)
		passes->contention = around;
	if (around <= DISTURBED * passes->least)
		passes->calm++;
	passes->before = after;
}

int passes_suffice(const struct passes *passes, double budget_ns)
{
	double elapsed = now_ns() - passes->begin;

	if (passes->count < 2 || elapsed < budget_ns)
		return 0;
	return passes->calm >= CALM_PASSES || elapsed >= PATIENCE * budget_ns;
}
