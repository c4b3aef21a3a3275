/* SPDX-License-Identifier: MIT */
/*
 * One observation of the C tree: reads an operations file (its format is in ../src/tree/operations.ts), builds the set, runs the
 * operations over and over for about the given time, and prints one line of JSON like ../src/observe.ts does.
 * Passes until the time is up, at least two; the fastest counts.
 *
 *   observe_tree FILE MILLISECONDS
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interval_tree.h"

struct header {
	int32_t magic, version, capacity, initial, operations, reserved[3];
};

/* One row of the file: an interval of the initial set, or an operation. */
struct row {
	int32_t kind, handle;
	double start, last;
};

enum { QUERY, INSERT, REMOVE };

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

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
	struct header header;
	struct row *rows;
	uint64_t hits;
	uint32_t hash;
	int passes = 0, line;
	double budget, begin, fastest = 1e300;
	FILE *file;

	if (argc != 3 || !(file = fopen(argv[1], "rb")) || fread(&header, sizeof(header), 1, file) != 1) {
		fprintf(stderr, "usage: observe_tree FILE MILLISECONDS\n");
		return 2;
	}
	if (header.magic != 0x4d4d4e4f || header.version != 1) {
		fprintf(stderr, "observe_tree: %s is not an operations file of version 1\n", argv[1]);
		return 2;
	}
	budget = atof(argv[2]) * 1e6;
	rows = malloc(sizeof(*rows) * ((size_t)header.initial + header.operations));
	nodes = aligned_alloc(64, sizeof(*nodes) * header.capacity);
	if (!rows || !nodes ||
	    fread(rows, sizeof(*rows), header.initial + header.operations, file) !=
		    (size_t)header.initial + header.operations) {
		fprintf(stderr, "observe_tree: %s is truncated\n", argv[1]);
		return 2;
	}
	fclose(file);

	memset(nodes, 0, sizeof(*nodes) * header.capacity);
	interval_tree_init(&tree);
	for (int k = 0; k < header.initial; k++)
		insert(&tree, nodes, &rows[k]);

	/* Operations leave the set as they found it, so every pass does the same work. */
	hash = hash_pass(&tree, nodes, rows + header.initial, header.operations);
	hits = count_pass(&tree, nodes, rows + header.initial, header.operations);
	begin = now_ns();
	do {
		double start = now_ns();
		uint64_t again = count_pass(&tree, nodes, rows + header.initial, header.operations);
		double ns = now_ns() - start;

		passes++;
		if (ns < fastest)
			fastest = ns;
		if (again != hits) {
			fprintf(stderr, "observe_tree: two passes differ\n");
			return 1;
		}
	} while (passes < 2 || now_ns() - begin < budget);
	if ((line = interval_tree_verify(&tree))) {
		fprintf(stderr, "observe_tree: the tree is broken, interval_tree.c:%d\n", line);
		return 1;
	}
	if (hash_pass(&tree, nodes, rows + header.initial, header.operations) != hash) {
		fprintf(stderr, "observe_tree: two passes differ\n");
		return 1;
	}
	printf("{\"nsPerOperation\":%.4f,\"hash\":\"%08x\",\"passes\":%d}\n",
	       fastest / header.operations, hash, passes);
	return 0;
}
