import { describe, expect, test } from 'vitest';
import { countKinds, validate, type MemoryEvent } from '../src/index.ts';
import { embeddedRecordingPath, embeddedRecordings, readRecording } from '../src/node.ts';

/** Counted with grep: enters of each call, less those whose result is an error. */
const golden: Record<string, { readonly lines: number; readonly counts: string }> = {
  'gcc-compile': {
    lines: 3079,
    counts: 'fault 2720, mmap 96, munmap 3, mprotect 20, brk 33, exec 3, threadStart 2, exit 3',
  },
  'redis-bgsave': {
    lines: 13_675,
    counts:
      'fault 11464, mmap 688, munmap 25, mprotect 143, madvise 160, brk 26, ' +
      'exec 11, fork 11, threadStart 4, exitThread 4, exit 12',
  },
  'redis-bgsave-strace': {
    lines: 1140,
    counts:
      'mmap 688, munmap 25, mprotect 143, madvise 177, brk 26, ' +
      'exec 11, fork 11, threadStart 4, exitThread 4, exit 12',
  },
  'node-workers': {
    lines: 32_974,
    counts:
      'fault 27934, mmap 415, munmap 698, mprotect 800, madvise 541, brk 23, ' +
      'exec 1, threadStart 13, exitThread 13, exit 1',
  },
  'node-workers-strace': {
    lines: 3136,
    counts:
      'mmap 410, munmap 704, mprotect 781, madvise 550, brk 23, ' +
      'exec 1, threadStart 13, exitThread 13, exit 1',
  },
  'chromium-page': {
    lines: 74_434,
    counts:
      'fault 58340, mmap 2938, munmap 304, mprotect 3716, madvise 646, mremap 18, brk 44, ' +
      'exec 18, fork 19, threadStart 116, exitThread 108, exit 28',
  },
};

function countsOf(text: string): object {
  return Object.fromEntries(
    text.split(', ').map((count) => {
      const [kind = '', number] = count.split(' ');
      return [kind, Number(number)];
    }),
  );
}

/** Calls that failed, which the recordings hold besides. */
const failed: Record<string, Record<string, number>> = {
  'gcc-compile': { execve: 17 },
  'redis-bgsave': { execve: 8 },
  'node-workers': { execve: 8 },
  'chromium-page': { execve: 8, madvise: 4 },
};

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

describe.each(embeddedRecordings)('$name', ({ name }) => {
  test('has the events that its lines tell', async () => {
    const { events, summary } = await readRecording(embeddedRecordingPath(name), { strict: true });
    const expected = golden[name];
    expect(countKinds(events)).toEqual(countsOf(expected?.counts ?? ''));
    expect(summary.lines).toBe(expected?.lines);
    expect(summary.events).toBe(events.length);
    expect({ ...summary.failedCalls }).toEqual(failed[name] ?? {});
  });

  test('is accounted for line by line', async () => {
    const { summary } = await readRecording(embeddedRecordingPath(name));
    const { lines, usedLines, ignored, unknown, unknownNames } = summary;
    expect(usedLines + sum(ignored) + sum(unknown)).toBe(lines);
    expect({ ...unknown }).toEqual({});
    expect({ ...unknownNames }).toEqual({});
    expect(summary.undecidedClones).toBe(0);
    expect(summary.unannouncedThreads).toBe(0);
  });

  test('keeps what the stream promises', async () => {
    const { events } = await readRecording(embeddedRecordingPath(name));
    expect(validate(events)).toEqual([]);
  });
});

async function eventsOf(name: string): Promise<MemoryEvent[]> {
  return (await readRecording(embeddedRecordingPath(name))).events;
}

test.each(['node-workers', 'node-workers-strace'])(
  'calls of different threads overlap in %s',
  async (name) => {
    let overlaps = 0;
    let open: MemoryEvent | undefined;
    for (const event of await eventsOf(name)) {
      if (open !== undefined && event.beginNs < open.endNs && event.thread !== open.thread) {
        overlaps += 1;
      }
      if (open === undefined || event.endNs > open.endNs) open = event;
    }
    expect(overlaps).toBeGreaterThan(100);
  },
);

test('what is taken for vfork works in its parent until it calls exec', async () => {
  const events = await eventsOf('chromium-page');
  const [lender, child] = [23_353, 23_354];
  expect(
    events.find((event) => event.kind === 'threadStart' && event.child === child),
  ).toMatchObject({
    process: lender,
    borrows: true,
  });
  const own = events.filter((event) => event.thread === child);
  const exec = own.findIndex((event) => event.kind === 'exec');
  expect(exec).toBeGreaterThan(0);
  expect(new Set(own.slice(0, exec).map(({ process }) => process))).toEqual(new Set([lender]));
  expect(own[exec]).toMatchObject({ process: child, previous: lender });
  expect(new Set(own.slice(exec).map(({ process }) => process))).toEqual(new Set([child]));
});

test('posix_spawn through clone3, whose flags are not recorded, is taken for vfork', async () => {
  const { events, summary } = await readRecording(embeddedRecordingPath('chromium-page'));
  expect(summary.assumedVforks).toBe(2);
  const starts = events.filter((event) => event.kind === 'threadStart' && event.borrows);
  // Six by vfork itself, two by clone3.
  expect(starts).toHaveLength(8);
});

test('the snapshot of redis is a fork, and both sides fault afterwards', async () => {
  const events = await eventsOf('redis-bgsave');
  const fork = events.find((event) => event.kind === 'fork' && event.process === 23_083);
  expect(fork).toMatchObject({ kind: 'fork', child: 23_091 });
  const after = events.filter(
    (event) => event.kind === 'fault' && event.beginNs >= (fork?.endNs ?? Infinity),
  );
  expect(after.filter(({ process }) => process === 23_083).length).toBeGreaterThan(100);
  expect(after.filter(({ process }) => process === 23_091).length).toBeGreaterThan(100);
});
