/* SPDX-License-Identifier: MIT */
#include "contention.h"

#include "operations.h"

enum { WINDOWS = 100 };

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

	for (int k = 0; k < 10000; k++)
		x = x * 0.999 + 0.3;
	return x;
}

double measure_contention(void)
{
	static volatile double sum;
	double busy = 1e300, waiting = 1e300;

	for (int k = 0; k < 64; k++)
		numbers[k] = k;
	for (int k = 0; k < WINDOWS; k++) {
		double begin = now_ns(), middle, end;

		sum = sum + many_at_once();
		middle = now_ns();
		sum = sum + one_after_another();
		end = now_ns();
		if (middle - begin < busy)
			busy = middle - begin;
		if (end - middle < waiting)
			waiting = end - middle;
	}
	return busy / waiting;
}
