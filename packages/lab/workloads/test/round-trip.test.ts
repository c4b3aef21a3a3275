import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  adviceByNumber,
  parseRecording,
  RecordingError,
  validate,
  type MemoryEvent,
  type Recording,
  type RecordingSummary,
} from '../src/index.ts';
import { seeded } from './seed.ts';
import { perfText, straceText } from './writers.ts';

const page = 4096;
const address = fc.integer({ min: 1, max: 2 ** 35 }).map((number) => number * page);
const length = fc.integer({ min: 1, max: 2 ** 20 }).map((pages) => pages * page);
const protection = fc.integer({ min: 0, max: 7 });

/** What happens, but for who does it and when. */
const deed = fc.oneof(
  fc.record({
    kind: fc.constant('fault'),
    address: fc.nat(2 ** 31),
    write: fc.constant(undefined),
  }),
  fc.record({
    kind: fc.constant('mmap'),
    address,
    length,
    protection,
    flags: fc.constantFrom(0x22, 0x32, 0x20022),
    backing: fc.constant('anonymous'),
  }),
  fc.record({ kind: fc.constant('munmap'), address, length }),
  fc.record({ kind: fc.constant('mprotect'), address, length, protection }),
  fc.record({
    kind: fc.constant('madvise'),
    address,
    length,
    advice: fc.constantFrom(...adviceByNumber.values()),
  }),
  fc.record({
    kind: fc.constant('mremap'),
    address,
    oldLength: length,
    newLength: length,
    newAddress: address,
    flags: fc.constant(3),
  }),
  fc.record({ kind: fc.constant('brk'), address }),
);

/** Times in microseconds, since strace has no finer ones. */
const step = fc.record({
  deed,
  lastsUs: fc.integer({ min: 1, max: 50 }),
  restUs: fc.integer({ min: 1, max: 20 }),
});

/** Process 100 with thread 101, and its fork 200; each does its steps, then all exit. */
const stream = fc
  .tuple(
    fc.array(step, { maxLength: 30 }),
    fc.array(step, { maxLength: 30 }),
    fc.array(step, { maxLength: 30 }),
  )
  .map(([first, second, forked]) => {
    const events: MemoryEvent[] = [
      at(100, 100, 0, 10, { kind: 'threadStart', child: 101, borrows: false }),
      at(100, 100, 20, 40, { kind: 'fork', child: 200 }),
    ];
    const ends = [
      act(events, first, 100, 100),
      act(events, second, 100, 101),
      act(events, forked, 200, 200),
    ] as const;
    events.push(at(200, 200, ends[2], ends[2], { kind: 'exit' }));
    const last = Math.max(ends[0], ends[1]);
    events.push(at(100, 101, last, last, { kind: 'exitThread' }));
    events.push(at(100, 100, last + 1, last + 1, { kind: 'exit' }));
    return events.sort((a, b) => a.beginNs - b.beginNs);
  });

function at(
  process: number,
  thread: number,
  beginUs: number,
  endUs: number,
  deed: object,
): MemoryEvent {
  const times = { beginNs: beginUs * 1000, endNs: endUs * 1000 };
  return { process, thread, ...times, line: 0, ...deed } as MemoryEvent;
}

function act(
  events: MemoryEvent[],
  steps: readonly { deed: { kind: string }; lastsUs: number; restUs: number }[],
  process: number,
  thread: number,
): number {
  let nowUs = 50;
  for (const { deed, lastsUs, restUs } of steps) {
    const endUs = deed.kind === 'fault' ? nowUs : nowUs + lastsUs;
    events.push(at(process, thread, nowUs, endUs, deed));
    nowUs = endUs + restUs;
  }
  return nowUs;
}

function withoutLines(events: readonly MemoryEvent[]): MemoryEvent[] {
  return events.map((event) => ({ ...event, line: 0 }));
}

test('what perf script prints is read back', async () => {
  await fc.assert(
    fc.asyncProperty(stream, async (events) => {
      expect(validate(events)).toEqual([]);
      const { events: read } = await parseRecording(perfText(events), { strict: true });
      expect(withoutLines(read)).toEqual(events);
    }),
    seeded(100),
  );
});

test('what strace prints is read back, whole calls and split ones', async () => {
  await fc.assert(
    fc.asyncProperty(stream, fc.integer({ min: 1, max: 7 }), async (events, every) => {
      const text = straceText(events, ({ endNs }) => (endNs / 1000) % every === 0);
      const { events: read } = await parseRecording(text, { strict: true });
      expect(withoutLines(read)).toEqual(events.filter(({ kind }) => kind !== 'fault'));
    }),
    seeded(100),
  );
});

test('a recording cut anywhere is refused or honestly told, and makes up no event', async () => {
  await fc.assert(
    fc.asyncProperty(stream, fc.nat(), fc.boolean(), async (events, cut, perf) => {
      const text = perf
        ? perfText(events)
        : straceText(events, ({ endNs }) => (endNs / 1000) % 2 === 0);
      const short = text.slice(0, cut % (text.length + 1));
      const recording = await parsed(short);
      // Only a recording without a whole line is refused.
      expect(recording !== undefined).toBe(short.includes('\n'));
      if (recording === undefined) return;
      expect(accounted(recording.summary)).toBe(recording.summary.lines);
      expect(recording.summary.lines).toBe(short.split('\n').filter((line) => line !== '').length);
      expect(validate(recording.events)).toEqual([]);
      // All but the lives of threads, which the missing part may decide.
      const lasting = recording.events.filter(({ kind }) => !/fork|thread|exit/i.test(kind));
      const whole = new Set(events.map(shown));
      expect(lasting.map(shown).filter((event) => !whole.has(event))).toEqual([]);
    }),
    seeded(100),
  );
});

/** Without the process, which depends on clones that may be missing, and in one order of keys. */
function shown(event: MemoryEvent): string {
  const { process: _, line: __, ...rest } = event;
  return JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const junk = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(
    '  x 1/1 1.000000001: page-faults: 1000',
    '  x 1/1 1.000000001: syscalls:sys_enter_clone3:',
    '  x 1/1 1.000000001: syscalls:sys_exit_clone3: 0x2',
    '  x 1/1 1.000000001: sched:sched_process_fork: child_pid=1',
    '  x 1/1 1.000000001: sched:sched_process_exit: pid=1 group_dead=true',
    '  x 1/1 0.000000001: syscalls:sys_enter_execve: 0',
    '  x 1/1 1.000000002: syscalls:sys_exit_execve: 0x0',
    '1 1.000001 clone( <unfinished ...>',
    '1 1.000001 <... clone resumed>) = 1',
    '1 0.000001 +++ exited with 0 +++',
    '2 1.000001 +++ superseded by execve in pid 1 +++',
    '1 1.000001 execve(',
    '1 1.000001 vfork() = 2',
    '1 1.000001 brk(NULL) = 0x',
  ),
);

test('no line upsets the reader', async () => {
  const formats = fc.constantFrom('perf', 'strace', 'auto');
  await fc.assert(
    fc.asyncProperty(fc.array(junk, { maxLength: 40 }), formats, async (lines, format) => {
      const recording = await parsed(lines.map((line) => `${line}\n`).join(''), format);
      if (recording === undefined) return;
      expect(accounted(recording.summary)).toBe(recording.summary.lines);
      expect(recording.summary.events).toBe(recording.events.length);
    }),
    seeded(500),
  );
});

/** The recording, or `undefined` if it is refused in the way promised. */
async function parsed(
  text: string,
  format: 'perf' | 'strace' | 'auto' = 'auto',
): Promise<Recording | undefined> {
  return parseRecording(text, { format }).catch((error: unknown) => {
    if (error instanceof RecordingError) return undefined;
    throw error;
  });
}

function accounted({ usedLines, ignored, unknown }: RecordingSummary): number {
  const counts = [...Object.values(ignored), ...Object.values(unknown)];
  return counts.reduce((total, count) => total + count, usedLines);
}
