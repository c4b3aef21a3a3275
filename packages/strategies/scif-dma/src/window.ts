/**
 * Windows of pinned pages, and the list of those that are cached: struct scif_window, tc_reg_list.
 *
 * The list is sorted by address and may hold windows that overlap. tc_lock, a spin lock, guards it in the kernel; here
 * each look and each change is one step of the one thread, so there is no such lock.
 *
 * Source: Linux drivers/misc/mic/scif/scif_rma_list.c and scif_dma.c, v5.3.
 */
import { invariant, type Span } from '@mmu-notifier/core';
import type { CopyBuffer } from './copy-buffer.ts';

const pageBytes = 4096;

/** See the file's head. */
export class Window implements Span {
  readonly start: number;
  readonly end: number;
  /** Whose copies go through it. */
  readonly buffers = new Set<CopyBuffer>();
  /** Its pages count as cached ones. */
  isCached = false;
  /** The worker is to destroy it: no copy finds it any more, sections still do. */
  isGoing = false;

  constructor({ start, end }: Span) {
    this.start = start;
    this.end = end;
  }
}

/** Pages that a span touches. */
export function pagesIn({ start, end }: Span): number {
  return Math.ceil(end / pageBytes) - Math.floor(start / pageBytes);
}

/** What a copy found. */
export interface Found {
  /** A window that holds all of it. */
  readonly window?: Window;
  /** A window that holds a part of it, and is to go. */
  readonly outgrown?: Window;
  /** What the new window is to span. */
  readonly span: Span;
}

/** See the file's head. */
export class WindowList {
  readonly #windows: Window[] = [];

  get all(): readonly Window[] {
    return this.#windows;
  }

  /** Behind those that begin where it does. Linux: scif_insert_tcw. */
  insert(window: Window): void {
    const at = this.#windows.findLastIndex(({ start }) => start <= window.start);
    this.#windows.splice(at + 1, 0, window);
  }

  remove(window: Window): void {
    const at = this.#windows.indexOf(window);
    invariant(at >= 0, 'expected a window of the list');
    this.#windows.splice(at, 1);
  }

  /** Linux: __scif_rma_destroy_tcw. */
  hits({ start, end }: Span): Window[] {
    const hits: Window[] = [];
    for (const window of this.#windows) {
      if (end <= window.start) break;
      if (start < window.end) hits.push(window);
    }
    return hits;
  }

  /**
   * Looks for a window that a copy can use. One that holds a part of it is to make place for a larger one, which is
   * computed wrongly (SCIF-3):
   *
   *     copy             |-------a-------|              starts left of the window: the start moves right, to the
   *     window                   |-------------|        window's, and the length grows by that much, also when the
   *     new window               |-----------------------|     two only touch
   *
   *     copy                     |-------b-------|      ends right of the window: the end moves left, to the window's
   *     window           |-------------|
   *     new window               |-----|
   *
   * Linux: scif_query_tcw.
   */
  query(copy: Span): Found {
    for (const window of this.#windows) {
      if (copy.end < window.start) break;
      if (copy.start >= window.end || window.isGoing) continue;
      if (copy.start >= window.start && copy.end <= window.end) return { window, span: copy };
      return { outgrown: window, span: grown(copy, window) };
    }
    return { span: copy };
  }

  verify(): void {
    let previous = -Infinity;
    for (const { start, buffers } of this.#windows) {
      invariant(previous <= start, 'the list of windows is not sorted');
      invariant(buffers.size > 0, 'a window is in the list that nobody uses');
      previous = start;
    }
  }
}

function grown(copy: Span, window: Span): Span {
  const gap = Math.max(0, window.start - copy.start);
  const excess = Math.max(0, copy.end - window.end);
  const start = copy.start + gap;
  return { start, end: start + (copy.end - copy.start) + gap - excess };
}
