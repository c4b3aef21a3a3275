/**
 * The OOM reaper: the only one whose sections must not wait. Linux: mm/oom_kill.c, v7.1. (v5.3 raises UNMAP.)
 */
import type { Span } from '@mmu-notifier/core';
import { zap } from './entries.ts';
import type { Mm } from './mm.ts';
import { pageOf } from './pages.ts';
import type { Task } from './scheduler.ts';

/** What the reaper achieved. */
export interface ReapReport {
  readonly attempts: number;
  /** Pages freed. */
  readonly pages: number;
  /** Mappings that it could not take, in the last attempt. */
  readonly refused: readonly Span[];
  /** Starts that would have blocked, in all attempts; and attempts that did not get the mmap lock. */
  readonly wouldBlock: number;
  readonly lockMissed: number;
  /** It ran out of attempts. */
  readonly gaveUp: boolean;
}

const attemptsMax = 10;
/** Steps between two attempts: Linux sleeps for a tenth of a second. */
const pauseSteps = 20;

/**
 * Takes the private pages of a dying process. Each mapping gets a section of its own, CLEAR, non-blockable; when
 * one would block, the reaper goes on with the next and comes back. The mmap lock is only tried, for read.
 */
export function* oomReap(mm: Mm): Task<ReapReport> {
  let pages = 0;
  let wouldBlock = 0;
  let lockMissed = 0;
  let refused: Span[] = [];
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    yield;
    if (mm.mmapLock.tryDownRead()) {
      refused = [];
      try {
        for (const { start, end, traits } of mm.vmas.all.slice()) {
          if (traits.shared) continue;
          const section = mm.tryStartSection({ start, end }, 'CLEAR');
          if (section === undefined) {
            wouldBlock++;
            refused.push({ start, end });
            continue;
          }
          yield;
          pages += zap(mm, section, pageOf(start), pageOf(end));
          yield* mm.endSection(section);
        }
      } finally {
        mm.mmapLock.upRead();
      }
      if (refused.length === 0) {
        return { attempts: attempt, pages, refused, wouldBlock, lockMissed, gaveUp: false };
      }
    } else {
      lockMissed++;
    }
    for (let step = 0; step < pauseSteps; step++) yield;
  }
  return { attempts: attemptsMax, pages, refused, wouldBlock, lockMissed, gaveUp: true };
}
