/* SPDX-License-Identifier: MIT */
/* Operations files (their format is in ../src/tree/operations.ts), and the clock. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include <stdint.h>

/* One row of the file: an interval of the initial set, or an operation. */
struct row {
	int32_t kind, handle;
	double start, last;
};

enum { QUERY, INSERT, REMOVE };

struct operations {
	int32_t capacity;
	/* Rows of the initial set; the operations follow them. */
	int32_t initial, count;
	struct row *rows;
};

/* Reads a file; says what is wrong and exits with 2 when it cannot. */
void operations_read(struct operations *operations, const char *path);

double now_ns(void);

#endif
