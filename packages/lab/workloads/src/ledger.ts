/**
 * What became of every line of a recording.
 *
 * 1. Each line is counted once: as used by an event, as ignored for a reason, or as unknown for a reason.
 *    So `lines === usedLines + sum(ignored) + sum(unknown)`, in every summary.
 * 2. In strict mode the first unknown line throws instead.
 */
import { quote, RecordingError } from './errors.ts';

/** The two kinds of text that can be read. */
export type RecordingFormat = 'perf' | 'strace';

/** What a reader did with a recording. Counts are of lines unless they say otherwise. */
export interface RecordingSummary {
  readonly format: RecordingFormat;
  /** Lines read, an unterminated last one included. */
  readonly lines: number;
  /** Lines that an event came from; a call takes two or three where its begin and end are recorded apart. */
  readonly usedLines: number;
  /** Lines that were understood and change no address space, by reason. */
  readonly ignored: Readonly<Record<string, number>>;
  /** Lines that were not understood, by reason. `strict` makes the first of them an error. */
  readonly unknown: Readonly<Record<string, number>>;
  /** Names of flags and advice that the reader does not know, in calls that it does: times seen. */
  readonly unknownNames: Readonly<Record<string, number>>;
  /** Calls that failed, by name. They changed nothing, so there is no event for them. */
  readonly failedCalls: Readonly<Record<string, number>>;
  /** Calls of which only one half is recorded: mostly at the recording's two ends. */
  readonly incompleteCalls: number;
  /** Clones of which the recording tells neither the flags nor the child's process; taken for threads. */
  readonly undecidedClones: number;
  /** clone3 calls taken for vfork, because the caller only went on after the child's exec or exit. */
  readonly assumedVforks: number;
  /** Threads at work before their creation, if any, was recorded. Without a process column each is taken for a process. */
  readonly unannouncedThreads: number;
  /** Events in the stream. */
  readonly events: number;
  /** Address spaces in the stream: each fork and each exec makes one. */
  readonly addressSpaces: number;
  readonly threads: number;
  /** From the first event's begin to the last one's end, in nanoseconds. */
  readonly durationNs: number;
}

type Counts = Record<string, number>;

export class Ledger {
  readonly strict: boolean;
  lines = 0;
  usedLines = 0;
  incompleteCalls = 0;
  undecidedClones = 0;
  assumedVforks = 0;
  unannouncedThreads = 0;
  // No prototype: a reason may be any text of the input, `constructor` for one.
  readonly ignored: Counts = Object.create(null) as Counts;
  readonly unknown: Counts = Object.create(null) as Counts;
  readonly unknownNames: Counts = Object.create(null) as Counts;
  readonly failedCalls: Counts = Object.create(null) as Counts;

  constructor(strict: boolean) {
    this.strict = strict;
  }

  ignore(reason: string, lines = 1): void {
    add(this.ignored, reason, lines);
  }

  /** Counts a line that was not understood: `reason` is what it seems to be, `text` the line itself. */
  refuse(reason: string, text: string, line: number = this.lines): void {
    if (this.strict) {
      throw new RecordingError(
        'MMN_RECORDING_LINE',
        line,
        `expected a line that the reader knows, got ${quote(text.trim())} (${reason})`,
      );
    }
    add(this.unknown, reason, 1);
  }

  fail(call: string, lines: number): void {
    add(this.failedCalls, call, 1);
    add(this.ignored, `failed ${call}`, lines);
  }

  halfOfCall(reason: string, lines: number): void {
    this.incompleteCalls += 1;
    add(this.ignored, reason, lines);
  }

  unknownName(name: string): void {
    add(this.unknownNames, name, 1);
  }
}

/** So that hostile text cannot make a summary as long as itself. */
const reasonsMax = 1000;

function add(counts: Counts, reason: string, count: number): void {
  const known = counts[reason];
  if (known !== undefined) counts[reason] = known + count;
  else if (Object.keys(counts).length < reasonsMax) counts[reason] = count;
  else counts['(more)'] = (counts['(more)'] ?? 0) + count;
}
