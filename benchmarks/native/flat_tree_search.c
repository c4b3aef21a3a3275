/* SPDX-License-Identifier: MIT */
/*
 * What a WebAssembly build of the flat tree would do, as far as the question needs it: the search for the first hit over
 * the words of ../../packages/foundation/interval-tree/src/layout.ts, and a spin lock. Memory is the caller's, and shared.
 *
 *   clang --target=wasm32 -O3 -matomics -mbulk-memory -nostdlib -Wl,--no-entry -Wl,--export-dynamic
 *     -Wl,--import-memory -Wl,--shared-memory -Wl,--max-memory=1073741824 -o flat_tree_search.wasm flat_tree_search.c
 */
#define EXPORT __attribute__((visibility("default")))

enum { ROOT = 4, HEIGHT = 5 };		/* 32-bit words of the header */
enum { GROUPS = 1, MAX = 4, LASTS = 8, STARTS = 24, REFERENCES = 2 * 40 };	/* of a node */

static inline int first_reaching(const double *doubles, int node, double start)
{
	const double *groups = doubles + node + GROUPS;
	int g = ((groups[0] < start) + (groups[1] < start) + (groups[2] < start)) * 4;
	const double *lasts = doubles + node + LASTS + g;
	int c0 = lasts[0] < start;
	int c1 = c0 & (lasts[1] < start);
	int c2 = c1 & (lasts[2] < start);

	return g + c0 + c1 + c2;
}

/* The handle of the hit with the lowest start, or -1. `base` is the tree's first byte. */
EXPORT int first(const char *base, double start, double last)
{
	const double *doubles = (const double *)base;
	const int *ints = (const int *)base;
	int node = ints[ROOT], k;

	if (!(doubles[node + MAX] >= start))
		return -1;
	k = first_reaching(doubles, node, start);
	for (int level = ints[HEIGHT]; level > 0; level--) {
		node = ints[2 * node + REFERENCES + k];
		k = first_reaching(doubles, node, start);
	}
	while (doubles[node + LASTS + k] < start)
		k++;
	if (doubles[node + STARTS + k] > last)
		return -1;
	return ints[2 * node + REFERENCES + k];
}

EXPORT void spin_lock(int *lock)
{
	int free = 0;

	while (!__atomic_compare_exchange_n(lock, &free, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		free = 0;
}

EXPORT void spin_unlock(int *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_SEQ_CST);
}

/* What a call costs that does nothing. */
EXPORT int identity(int value)
{
	return value;
}
