/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct header {
	int32_t magic, version, capacity, initial, operations, reserved[3];
};

static void refuse(const char *path, const char *why)
{
	fprintf(stderr, "%s %s\n", path, why);
	exit(2);
}

void operations_read(struct operations *operations, const char *path)
{
	struct header header;
	size_t rows;
	FILE *file = fopen(path, "rb");

	if (!file || fread(&header, sizeof(header), 1, file) != 1)
		refuse(path, "cannot be read");
	if (header.magic != 0x4d4d4e4f || header.version != 1)
		refuse(path, "is not an operations file of version 1");
	rows = (size_t)header.initial + header.operations;
	operations->capacity = header.capacity;
	operations->initial = header.initial;
	operations->count = header.operations;
	operations->rows = malloc(sizeof(struct row) * rows);
	if (!operations->rows || fread(operations->rows, sizeof(struct row), rows, file) != rows)
		refuse(path, "is truncated");
	fclose(file);
}

double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}
