/* SPDX-License-Identifier: MIT */
/*
 * An augmented red-black interval tree, after Cormen, Leiserson, Rivest and Stein, "Introduction to Algorithms",
 * chapters 13 (red-black trees) and 14.3 (interval trees).
 *
 * Closed intervals [start, last] in order of start. Every node keeps the largest last of its subtree.
 * Nodes belong to the caller and are one cache line each.
 */
#ifndef INTERVAL_TREE_H
#define INTERVAL_TREE_H

#include <stdint.h>

struct interval_node {
	struct interval_node *parent, *left, *right;
	uint64_t start, last, subtree_last;
	int32_t handle;
	int32_t is_red;
} __attribute__((aligned(64)));

struct interval_tree {
	struct interval_node *root;
	/* The sentinel: stands for every missing child and for the root's parent. Black; its subtree_last is never written. */
	struct interval_node nil;
};

void interval_tree_init(struct interval_tree *tree);
/* Inserts a node whose start, last and handle are set. Among equal starts it becomes the last. */
void interval_tree_insert(struct interval_tree *tree, struct interval_node *node);
void interval_tree_remove(struct interval_tree *tree, struct interval_node *node);
/* The hit with the lowest start, or NULL. */
struct interval_node *interval_tree_first(struct interval_tree *tree, uint64_t start, uint64_t last);
/* The hit after `node` in order, or NULL. */
struct interval_node *interval_tree_next(struct interval_tree *tree, struct interval_node *node, uint64_t start,
					 uint64_t last);
/* Returns 0 when every invariant holds, else the line of the first check that failed. */
int interval_tree_verify(struct interval_tree *tree);

#endif
