/* SPDX-License-Identifier: MIT */
/*
 * One observation of the C tree: reads an operations file (its format is in ../src/tree/operations.ts), builds the set, runs the
 * operations over and over for about the given time, and prints one line of JSON like ../src/observe.ts does.
 * Passes until the time is up and enough of them were not disturbed, at least two; the fastest counts.
 *
 *   observe_tree FILE MILLISECONDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "interval_tree.h"
#include "operations.h"

static void insert(struct interval_tree *tree, struct interval_node *nodes, const struct row *row)
{
	struct interval_node *node = &nodes[row->handle];

	node->start = (uint64_t)row->start;
	node->last = (uint64_t)row->last;
	node->handle = row->handle;
	interval_tree_insert(tree, node);
}

/* Runs every operation once and counts the hits: what is timed. */
static uint64_t count_pass(struct interval_tree *tree, struct interval_node *nodes, const struct row *rows, int count)
{
	uint64_t hits = 0;

	for (int k = 0; k < count; k++) {
		const struct row *row = &rows[k];

		if (row->kind == QUERY) {
			uint64_t start = (uint64_t)row->start, last = (uint64_t)row->last;

			for (struct interval_node *hit = interval_tree_first(tree, start, last); hit;
			     hit = interval_tree_next(tree, hit, start, last))
				hits++;
		} else if (row->kind == INSERT) {
			insert(tree, nodes, row);
		} else {
			interval_tree_remove(tree, &nodes[row->handle]);
		}
	}
	return hits;
}

/* The same work, with a hash that depends on every hit of every query, but not on their order within it. */
static uint32_t hash_pass(struct interval_tree *tree, struct interval_node *nodes, const struct row *rows, int count)
{
	uint32_t hash = 0;

	for (int k = 0; k < count; k++) {
		const struct row *row = &rows[k];

		if (row->kind == QUERY) {
			uint64_t start = (uint64_t)row->start, last = (uint64_t)row->last;

			for (struct interval_node *hit = interval_tree_first(tree, start, last); hit;
			     hit = interval_tree_next(tree, hit, start, last))
				hash += (uint32_t)(hit->handle + 1) * (2u * (uint32_t)k + 1);
		} else if (row->kind == INSERT) {
			insert(tree, nodes, row);
		} else {
			interval_tree_remove(tree, &nodes[row->handle]);
		}
	}
	return hash;
}

int main(int argc, char **argv)
{
	struct interval_tree tree;
	struct interval_node *nodes;
	struct operations operations;
	const struct row *rows;
	uint64_t hits;
	uint32_t hash;
	int count, line;
	struct passes passes;
	double budget;

	if (argc != 3) {
		fprintf(stderr, "usage: observe_tree FILE MILLISECONDS\n");
		return 2;
	}
	operations_read(&operations, argv[1]);
	budget = atof(argv[2]) * 1e6;
	rows = operations.rows + operations.initial;
	count = operations.count;
	nodes = aligned_alloc(64, sizeof(*nodes) * operations.capacity);
	if (!nodes) {
		fprintf(stderr, "observe_tree: no memory for %d nodes\n", operations.capacity);
		return 2;
	}

	memset(nodes, 0, sizeof(*nodes) * operations.capacity);
	interval_tree_init(&tree);
	for (int k = 0; k < operations.initial; k++)
		insert(&tree, nodes, &operations.rows[k]);

	/* Operations leave the set as they found it, so every pass does the same work. */
	hash = hash_pass(&tree, nodes, rows, count);
	hits = count_pass(&tree, nodes, rows, count);
	passes_begin(&passes);
	do {
		double start = now_ns();
		uint64_t again = count_pass(&tree, nodes, rows, count);
		double ns = now_ns() - start;

		passes_add(&passes, ns);
		if (again != hits) {
			fprintf(stderr, "observe_tree: two passes differ\n");
			return 1;
		}
	} while (!passes_suffice(&passes, budget));
	if ((line = interval_tree_verify(&tree))) {
		fprintf(stderr, "observe_tree: the tree is broken, interval_tree.c:%d\n", line);
		return 1;
	}
	if (hash_pass(&tree, nodes, rows, count) != hash) {
		fprintf(stderr, "observe_tree: two passes differ\n");
		return 1;
	}
	printf("{\"nsPerOperation\":%.4f,\"hash\":\"%08x\",\"passes\":%d,\"contention\":%.3f}\n",
	       passes.fastest / count, hash, passes.count, passes.contention);
	return 0;
}
