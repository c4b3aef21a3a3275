/* SPDX-License-Identifier: MIT */
#include "interval_tree.h"

#include <stddef.h>

void interval_tree_init(struct interval_tree *tree)
{
	tree->nil = (struct interval_node){ .parent = &tree->nil, .left = &tree->nil, .right = &tree->nil };
	tree->root = &tree->nil;
}

/* The largest last of a node's subtree, from the node and its children. A missing child counts 0, which no last is below. */
static inline uint64_t computed_last(const struct interval_node *node)
{
	uint64_t max = node->last;

	if (node->left->subtree_last > max)
		max = node->left->subtree_last;
	if (node->right->subtree_last > max)
		max = node->right->subtree_last;
	return max;
}

/* Recomputes subtree_last from `node` up, as far as it changes. */
static void propagate(struct interval_tree *tree, struct interval_node *node)
{
	for (; node != &tree->nil; node = node->parent) {
		uint64_t max = computed_last(node);

		if (node->subtree_last == max)
			return;
		node->subtree_last = max;
	}
}

static void replace_child(struct interval_tree *tree, struct interval_node *node, struct interval_node *by)
{
	if (node->parent == &tree->nil)
		tree->root = by;
	else if (node == node->parent->left)
		node->parent->left = by;
	else
		node->parent->right = by;
}

static void rotate_left(struct interval_tree *tree, struct interval_node *x)
{
	struct interval_node *y = x->right;

	x->right = y->left;
	if (y->left != &tree->nil)
		y->left->parent = x;
	y->parent = x->parent;
	replace_child(tree, x, y);
	y->left = x;
	x->parent = y;
	y->subtree_last = x->subtree_last;
	x->subtree_last = computed_last(x);
}

static void rotate_right(struct interval_tree *tree, struct interval_node *x)
{
	struct interval_node *y = x->left;

	x->left = y->right;
	if (y->right != &tree->nil)
		y->right->parent = x;
	y->parent = x->parent;
	replace_child(tree, x, y);
	y->right = x;
	x->parent = y;
	y->subtree_last = x->subtree_last;
	x->subtree_last = computed_last(x);
}

void interval_tree_insert(struct interval_tree *tree, struct interval_node *node)
{
	struct interval_node *parent = &tree->nil, **link = &tree->root;
	uint64_t start = node->start, last = node->last;

	while (*link != &tree->nil) {
		parent = *link;
		if (parent->subtree_last < last)
			parent->subtree_last = last;
		link = start < parent->start ? &parent->left : &parent->right;
	}
	node->parent = parent;
	node->left = node->right = &tree->nil;
	node->subtree_last = last;
	node->is_red = 1;
	*link = node;

	while (node->parent->is_red) {
		struct interval_node *grandparent = node->parent->parent;

		parent = node->parent;
		if (parent == grandparent->left) {
			struct interval_node *uncle = grandparent->right;

			if (uncle->is_red) {
				parent->is_red = uncle->is_red = 0;
				grandparent->is_red = 1;
				node = grandparent;
				continue;
			}
			if (node == parent->right) {
				rotate_left(tree, parent);
				node = parent;
				parent = node->parent;
			}
			parent->is_red = 0;
			grandparent->is_red = 1;
			rotate_right(tree, grandparent);
		} else {
			struct interval_node *uncle = grandparent->left;

			if (uncle->is_red) {
				parent->is_red = uncle->is_red = 0;
				grandparent->is_red = 1;
				node = grandparent;
				continue;
			}
			if (node == parent->left) {
				rotate_right(tree, parent);
				node = parent;
				parent = node->parent;
			}
			parent->is_red = 0;
			grandparent->is_red = 1;
			rotate_left(tree, grandparent);
		}
	}
	tree->root->is_red = 0;
}

/* Puts the subtree `by`, which may be the sentinel, in the place of `node`. */
static void transplant(struct interval_tree *tree, struct interval_node *node, struct interval_node *by)
{
	replace_child(tree, node, by);
	by->parent = node->parent;
}

/* `x`, perhaps the sentinel, has one black too many above the paths through it. */
static void remove_fixup(struct interval_tree *tree, struct interval_node *x)
{
	while (x != tree->root && !x->is_red) {
		struct interval_node *parent = x->parent, *sibling;

		if (x == parent->left) {
			sibling = parent->right;
			if (sibling->is_red) {
				sibling->is_red = 0;
				parent->is_red = 1;
				rotate_left(tree, parent);
				sibling = parent->right;
			}
			if (!sibling->left->is_red && !sibling->right->is_red) {
				sibling->is_red = 1;
				x = parent;
				continue;
			}
			if (!sibling->right->is_red) {
				sibling->left->is_red = 0;
				sibling->is_red = 1;
				rotate_right(tree, sibling);
				sibling = parent->right;
			}
			sibling->is_red = parent->is_red;
			parent->is_red = 0;
			sibling->right->is_red = 0;
			rotate_left(tree, parent);
		} else {
			sibling = parent->left;
			if (sibling->is_red) {
				sibling->is_red = 0;
				parent->is_red = 1;
				rotate_right(tree, parent);
				sibling = parent->left;
			}
			if (!sibling->left->is_red && !sibling->right->is_red) {
				sibling->is_red = 1;
				x = parent;
				continue;
			}
			if (!sibling->left->is_red) {
				sibling->right->is_red = 0;
				sibling->is_red = 1;
				rotate_left(tree, sibling);
				sibling = parent->left;
			}
			sibling->is_red = parent->is_red;
			parent->is_red = 0;
			sibling->left->is_red = 0;
			rotate_right(tree, parent);
		}
		x = tree->root;
	}
	x->is_red = 0;
}

void interval_tree_remove(struct interval_tree *tree, struct interval_node *node)
{
	struct interval_node *x, *changed;
	int lost_black = !node->is_red;

	if (node->left == &tree->nil || node->right == &tree->nil) {
		x = node->left == &tree->nil ? node->right : node->left;
		changed = node->parent;
		transplant(tree, node, x);
	} else {
		struct interval_node *successor = node->right;

		while (successor->left != &tree->nil)
			successor = successor->left;
		lost_black = !successor->is_red;
		x = successor->right;
		if (successor->parent == node) {
			x->parent = successor;
			changed = successor;
		} else {
			changed = successor->parent;
			transplant(tree, successor, x);
			successor->right = node->right;
			successor->right->parent = successor;
		}
		transplant(tree, node, successor);
		successor->left = node->left;
		successor->left->parent = successor;
		successor->is_red = node->is_red;
		/* The place keeps what it had; propagation reaches it when that is no longer so. */
		successor->subtree_last = node->subtree_last;
		if (changed != successor) {
			propagate(tree, changed);
			changed = successor;
		}
	}
	propagate(tree, changed);
	if (lost_black)
		remove_fixup(tree, x);
}

/* The first hit at or below `node`, whose subtree ends at `start` or later. */
static struct interval_node *first_below(struct interval_tree *tree, struct interval_node *node, uint64_t start,
					 uint64_t last)
{
	for (;;) {
		/* The nil's subtree_last is 0, so a missing child is taken only if start is 0. */
		if (node->left != &tree->nil && node->left->subtree_last >= start) {
			node = node->left;
			continue;
		}
		if (node->start > last)
			return NULL;
		if (node->last >= start)
			return node;
		node = node->right;
		if (node == &tree->nil || node->subtree_last < start)
			return NULL;
	}
}

struct interval_node *interval_tree_first(struct interval_tree *tree, uint64_t start, uint64_t last)
{
	if (tree->root == &tree->nil || tree->root->subtree_last < start)
		return NULL;
	return first_below(tree, tree->root, start, last);
}

struct interval_node *interval_tree_next(struct interval_tree *tree, struct interval_node *node, uint64_t start,
					 uint64_t last)
{
	for (;;) {
		struct interval_node *child = node->right;

		if (child != &tree->nil && child->subtree_last >= start)
			return first_below(tree, child, start, last);
		do {
			child = node;
			node = node->parent;
			if (node == &tree->nil)
				return NULL;
		} while (child == node->right);
		if (node->start > last)
			return NULL;
		if (node->last >= start)
			return node;
	}
}

#define HOLD(condition) \
	do { \
		if (!(condition)) \
			return -__LINE__; \
	} while (0)

/* Returns the black height of a subtree, or minus the line of the check that failed. */
static int verify_below(struct interval_tree *tree, struct interval_node *node)
{
	int left, right;

	if (node == &tree->nil)
		return 1;
	HOLD(!node->is_red || (!node->left->is_red && !node->right->is_red));
	HOLD(node->left == &tree->nil || (node->left->parent == node && node->left->start <= node->start));
	HOLD(node->right == &tree->nil || (node->right->parent == node && node->right->start >= node->start));
	HOLD(node->subtree_last == computed_last(node));
	left = verify_below(tree, node->left);
	if (left < 0)
		return left;
	right = verify_below(tree, node->right);
	if (right < 0)
		return right;
	HOLD(left == right);
	return left + !node->is_red;
}

int interval_tree_verify(struct interval_tree *tree)
{
	int height;

	if (tree->root->is_red || tree->nil.is_red || tree->nil.subtree_last)
		return __LINE__;
	height = verify_below(tree, tree->root);
	return height < 0 ? -height : 0;
}
