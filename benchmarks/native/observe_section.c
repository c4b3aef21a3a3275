/* SPDX-License-Identifier: MIT */
/*
 * One observation of a section in C: the collision-retry protocol of Linux's mmu_interval_notifier, written afresh
 * from its description. Reads an operations file: who subscribes, and a query for each section. Each section is started
 * and ended; the fastest pass over all counts.
 *
 * start   spin lock; active++; first hit; if there is one, seq |= 1; unlock; then for each hit, under its own lock,
 *         its seq becomes the mm's and its callback runs
 * end     spin lock; active--; when it was the last of an odd seq: seq++; unlock
 *
 *   observe_section FILE MILLISECONDS
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "interval_tree.h"
#include "operations.h"

struct mm {
	atomic_int lock;
	int active;
	_Atomic uint64_t seq;
	struct interval_tree tree;
};

struct subscription {
	struct interval_node node;
	atomic_int lock;
	_Atomic uint64_t seq;
	void (*invalidate)(struct subscription *subscription, uint64_t start, uint64_t last);
};

static uint64_t hits;

static void spin_lock(atomic_int *lock)
{
	int free = 0;

	while (!atomic_compare_exchange_weak_explicit(lock, &free, 1, memory_order_acquire, memory_order_relaxed))
		free = 0;
}

static void spin_unlock(atomic_int *lock)
{
	atomic_store_explicit(lock, 0, memory_order_release);
}

static void count_hit(struct subscription *subscription, uint64_t start, uint64_t last)
{
	if (subscription->node.start <= last && start <= subscription->node.last)
		hits++;
}

static __attribute__((noinline)) void section_start(struct mm *mm, uint64_t start, uint64_t last)
{
	struct interval_node *node;
	uint64_t seq;

	spin_lock(&mm->lock);
	mm->active++;
	node = interval_tree_first(&mm->tree, start, last);
	seq = atomic_load_explicit(&mm->seq, memory_order_relaxed);
	if (node) {
		seq |= 1;
		atomic_store_explicit(&mm->seq, seq, memory_order_release);
	}
	spin_unlock(&mm->lock);
	for (; node; node = interval_tree_next(&mm->tree, node, start, last)) {
		struct subscription *subscription = (struct subscription *)node;

		spin_lock(&subscription->lock);
		atomic_store_explicit(&subscription->seq, seq, memory_order_release);
		subscription->invalidate(subscription, start, last);
		spin_unlock(&subscription->lock);
	}
}

static __attribute__((noinline)) void section_end(struct mm *mm)
{
	uint64_t seq;

	spin_lock(&mm->lock);
	seq = atomic_load_explicit(&mm->seq, memory_order_relaxed);
	if (--mm->active == 0 && (seq & 1))
		atomic_store_explicit(&mm->seq, seq + 1, memory_order_release);
	spin_unlock(&mm->lock);
}

static uint64_t pass(struct mm *mm, const struct row *rows, int count)
{
	uint64_t before = hits;

	for (int k = 0; k < count; k++) {
		section_start(mm, (uint64_t)rows[k].start, (uint64_t)rows[k].last);
		section_end(mm);
	}
	return hits - before;
}

int main(int argc, char **argv)
{
	struct mm mm = { .seq = 2 };
	struct operations operations;
	struct subscription *subscriptions;
	const struct row *rows;
	uint64_t expected;
	int count;
	struct passes passes;
	double budget;

	if (argc != 3) {
		fprintf(stderr, "usage: observe_section FILE MILLISECONDS\n");
		return 2;
	}
	operations_read(&operations, argv[1]);
	budget = atof(argv[2]) * 1e6;
	rows = operations.rows + operations.initial;
	count = operations.count;
	subscriptions = aligned_alloc(64, sizeof(*subscriptions) * operations.capacity);
	if (!subscriptions) {
		fprintf(stderr, "observe_section: no memory for %d subscriptions\n", operations.capacity);
		return 2;
	}
	memset(subscriptions, 0, sizeof(*subscriptions) * operations.capacity);
	interval_tree_init(&mm.tree);
	for (int k = 0; k < operations.initial; k++) {
		const struct row *row = &operations.rows[k];
		struct subscription *subscription = &subscriptions[row->handle];

		subscription->node.start = (uint64_t)row->start;
		subscription->node.last = (uint64_t)row->last;
		subscription->node.handle = row->handle;
		subscription->invalidate = count_hit;
		interval_tree_insert(&mm.tree, &subscription->node);
	}

	expected = pass(&mm, rows, count);
	passes_begin(&passes);
	do {
		double start = now_ns();
		uint64_t again = pass(&mm, rows, count);
		double ns = now_ns() - start;

		passes_add(&passes, ns);
		if (again != expected) {
			fprintf(stderr, "observe_section: two passes differ\n");
			return 1;
		}
	} while (!passes_suffice(&passes, budget));
	printf("{\"nsPerOperation\":%.4f,\"hash\":\"%llx\",\"passes\":%d,\"contention\":%.3f}\n", passes.fastest / count,
	       (unsigned long long)expected, passes.count, passes.contention);
	return 0;
}
