/**
 * Lines of `strace -f -ttt -T -e trace=%memory,clone,clone3,fork,vfork,execve,exit_group`.
 *
 *     THREAD SECONDS.FRACTION NAME(ARGUMENTS) = RESULT <SECONDS>
 *     23704 1795373620.824001 munmap(0x7f8b1e7fd000, 8392704 <unfinished ...>
 *     23710 1795373620.824007 madvise(0x7f8b24000000, 4096, MADV_DONTNEED) = 0 <0.000020>
 *     23704 1795373620.824019 <... munmap resumed>) = 0 <0.000020>
 *
 * 1. A call lasts from its line's time for the duration in angle brackets; without one (no -T), until its
 *    `resumed` line, or no time at all.
 * 2. strace does not name processes: a thread belongs to the process that cloned it with CLONE_THREAD.
 * 3. Also read: `[pid N]` in front, -tt (time of day), no times (then a line lasts a microsecond), no -f.
 */
import { adviceByNumber, mapFlags, protections } from './events.ts';
import { argumentsNeeded, callsIgnored, clones, type Moment } from './calls.ts';
import { nanoseconds, type Clock } from './clock.ts';
import type { Journal } from './journal.ts';
import type { Ledger } from './ledger.ts';

const header =
  /^(?:\[pid\s{1,8}(\d{1,10})\]\s{1,8}|(\d{1,10})\s{1,8})?(?:(\d{1,12})\.(\d{1,9})\s{1,8}|(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?\s{1,8})?(?=\S)/;
const beginning = /^([a-z_][a-z0-9_]{1,40})\(/;
const resuming = /^<\.\.\. ([a-z_][a-z0-9_]{1,40}) resumed>/;
const result =
  /^(\?|-?\d{1,20}|0x[0-9a-f]{1,16})(?: [A-Z][A-Z0-9]*)?(?: \([^<]*\))?(?:\s*<(\d{1,9})\.(\d{1,9})>)?$/;
const unfinished = ' <unfinished ...>';

export function isStraceLine(text: string): boolean {
  const rest = text.slice(header.exec(text)?.[0].length ?? 0);
  return (
    (beginning.test(rest) && (rest.includes(' = ') || rest.endsWith(unfinished))) ||
    /^(?:<\.\.\. \w{1,40} resumed>|\+\+\+ (?:exited|killed|superseded) |--- SIG)/.test(rest)
  );
}

/** What stands behind the last ` = ` of a line, taken apart. */
interface Outcome {
  /** The call's text up to the closing parenthesis. */
  readonly call: string;
  /** Negative when it failed; NaN for `?`: it never returned. */
  readonly result: number;
  readonly durationNs: number | undefined;
}

export class StraceReader {
  readonly #ledger: Ledger;
  readonly #journal: Journal;
  readonly #clock: Clock;
  /** By thread: the begins of ignored and never-returning calls, whose ends are ignored as well. */
  readonly #begun = new Map<number, string>();
  /** By thread: when its open call began. */
  readonly #beginNs = new Map<number, number>();

  constructor(ledger: Ledger, journal: Journal, clock: Clock) {
    this.#ledger = ledger;
    this.#journal = journal;
    this.#clock = clock;
  }

  read(text: string, line: number): void {
    const match = header.exec(text);
    const rest = text.slice(match?.[0].length ?? 0).trimEnd();
    const at: Moment = {
      process: -1,
      thread: Number(match?.[1] ?? match?.[2] ?? 1),
      timeNs: this.#time(match, line),
      line,
    };
    const name = beginning.exec(rest)?.[1];
    if (name !== undefined) {
      this.#call(name, rest, at, text);
      return;
    }
    const resumed = resuming.exec(rest);
    if (resumed?.[1] !== undefined) {
      this.#resume(resumed[1], rest.slice(resumed[0].length), at, text);
    } else if (rest.startsWith('+++ ')) this.#end(rest, at, text);
    else if (rest.startsWith('--- ')) this.#ledger.ignore('signal');
    else if (rest === '' || /^#|^strace: |^Process \d+ (?:attached|detached)/.test(text.trim())) {
      this.#ledger.ignore('comment or blank line');
    } else this.#ledger.refuse('not a line of strace', text);
  }

  #time(match: RegExpExecArray | null, line: number): number {
    if (match?.[3] !== undefined) return this.#clock.at(match[3], match[4] ?? '0');
    if (match?.[5] !== undefined) {
      const seconds =
        (Number(match[5]) * 60 + Number(match[6] ?? '0')) * 60 + Number(match[7] ?? '0');
      return this.#clock.at(String(seconds), match[8] ?? '0');
    }
    return line * 1000;
  }

  #call(name: string, rest: string, at: Moment, text: string): void {
    const needed = argumentsNeeded.get(name);
    const open = rest.endsWith(unfinished);
    if (needed === undefined) {
      if (!callsIgnored.has(name)) this.#ledger.refuse(`call of ${name}`, text);
      else {
        this.#ledger.ignore(name);
        if (open) this.#begun.set(at.thread, name);
      }
      return;
    }
    const outcome = open
      ? { call: `${rest.slice(0, -unfinished.length)})`, result: Number.NaN, durationNs: undefined }
      : outcomeOf(rest);
    const args = outcome && this.#arguments(name, outcome.call.slice(name.length + 1, -1));
    if (outcome === undefined || args === undefined || args.length < needed) {
      this.#ledger.refuse(`malformed ${name}`, text);
      return;
    }
    this.#journal.beginCall(name, args, at);
    if (name === 'exit_group') {
      if (open) this.#begun.set(at.thread, name);
    } else if (open) this.#beginNs.set(at.thread, at.timeNs);
    else this.#finish(name, outcome, at, at.timeNs, 0);
  }

  #resume(name: string, rest: string, at: Moment, text: string): void {
    if (this.#begun.get(at.thread) === name) {
      this.#begun.delete(at.thread);
      this.#ledger.ignore(name);
      return;
    }
    if (callsIgnored.has(name)) {
      this.#ledger.ignore(name);
      return;
    }
    const outcome = argumentsNeeded.has(name) ? outcomeOf(rest) : undefined;
    if (outcome === undefined) {
      this.#ledger.refuse(`malformed end of ${name}`, text);
      return;
    }
    const beginNs = this.#beginNs.get(at.thread) ?? at.timeNs;
    this.#beginNs.delete(at.thread);
    this.#finish(name, outcome, at, beginNs, 1);
  }

  #finish(name: string, outcome: Outcome, at: Moment, beginNs: number, lines: number): void {
    const { durationNs } = outcome;
    const timeNs = durationNs === undefined ? at.timeNs : beginNs + durationNs;
    // `?`: killed inside the call, or about to be restarted; either way it did nothing.
    const value = Number.isNaN(outcome.result) ? -1 : outcome.result;
    this.#journal.endCall(name, value, { ...at, timeNs }, lines);
  }

  #end(rest: string, at: Moment, text: string): void {
    if (/^\+\+\+ (?:exited with|killed by) .* \+\+\+$/.test(rest)) {
      this.#begun.delete(at.thread);
      this.#beginNs.delete(at.thread);
      this.#journal.exited(undefined, at);
      return;
    }
    const by = /^\+\+\+ superseded by execve in pid (\d{1,10}) \+\+\+$/.exec(rest)?.[1];
    if (by === undefined) {
      this.#ledger.refuse('malformed end of a thread', text);
      return;
    }
    const from = Number(by);
    this.#journal.renumber(from, at.thread);
    const beginNs = this.#beginNs.get(from);
    if (beginNs !== undefined) this.#beginNs.set(at.thread, beginNs);
    this.#beginNs.delete(from);
    this.#ledger.ignore('superseded by execve');
  }

  /** Arguments as the kernel's numbers, or `undefined` when they are not what the call takes. */
  #arguments(name: string, text: string): number[] | undefined {
    if (clones.has(name)) return this.#cloneFlags(text);
    if (argumentsNeeded.get(name) === 0) return [];
    const texts = text.split(', ');
    const numbers: number[] = [];
    for (const [position, argument] of texts.slice(0, 5).entries()) {
      const value = this.#number(name, position, argument);
      if (Number.isNaN(value)) return undefined;
      numbers.push(value);
    }
    return numbers;
  }

  #number(name: string, position: number, text: string): number {
    if (/^(?:0x[0-9a-f]{1,16}|\d{1,20})$/.test(text)) return Number(text);
    if (text === 'NULL') return 0;
    if (name === 'madvise' && position === 2) return this.#adviceNumber(text);
    if (name === 'mmap' && position === 4) return Number(/^-?\d{1,10}/.exec(text)?.[0]);
    return /^[A-Z0]/.test(text) ? this.#bits(text) : Number.NaN;
  }

  #cloneFlags(text: string): number[] {
    const flags = /\bflags=([A-Z0-9_|xa-f]{1,400})/.exec(text)?.[1];
    return flags === undefined ? [] : [this.#bits(flags)];
  }

  #adviceNumber(text: string): number {
    const advice = text.replace(/^MADV_/, '').toLowerCase();
    for (const [number, name] of adviceByNumber) if (name === advice) return number;
    this.#ledger.unknownName(text.slice(0, 40));
    return -1;
  }

  #bits(text: string): number {
    let bits = 0;
    for (const name of text.split('|')) {
      const bit = bitsByName.get(name) ?? (/^(?:0x[0-9a-f]+|\d+)$/.test(name) ? Number(name) : 0);
      if (bit === 0 && !withoutBit.test(name)) this.#ledger.unknownName(name.slice(0, 40));
      bits |= bit;
    }
    return bits;
  }
}

const bitsByName: ReadonlyMap<string, number> = new Map<string, number>([
  ...namesOf('PROT_', protections),
  ['PROT_GROWSDOWN', 0x1000000],
  ['PROT_GROWSUP', 0x2000000],
  ...namesOf('MAP_', mapFlags),
  ['MAP_SHARED_VALIDATE', 3],
  ['MAP_32BIT', 0x40],
  ['MAP_EXECUTABLE', 0x1000],
  ['MAP_NONBLOCK', 0x10000],
  ['MAP_SYNC', 0x80000],
  ['MREMAP_MAYMOVE', 1],
  ['MREMAP_FIXED', 2],
  ['MREMAP_DONTUNMAP', 4],
  ['CLONE_VM', 0x100],
  ['CLONE_VFORK', 0x4000],
  ['CLONE_THREAD', 0x10000],
]);

/** Names whose bits change nothing here: PROT_NONE, the other flags of clone, the signal sent at exit, sizes of huge pages. */
const withoutBit = /^(?:PROT_NONE|CLONE_\w+|SIG\w+|0|0x0|.*<<MAP_HUGE_SHIFT)$/;

/** `growsDown` of `mapFlags` is `MAP_GROWSDOWN` in strace's text. */
function namesOf(prefix: string, bits: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(bits).map(([name, bit]) => [
    name === 'fixedNoReplace' ? `${prefix}FIXED_NOREPLACE` : prefix + name.toUpperCase(),
    bit,
  ]);
}

/** Takes a line apart at its last ` = `. */
function outcomeOf(text: string): Outcome | undefined {
  const equals = text.lastIndexOf(' = ');
  if (equals < 0) return undefined;
  const call = text.slice(0, equals).trimEnd();
  const match = result.exec(text.slice(equals + 3));
  if (match === null || !call.endsWith(')')) return undefined;
  const [, value = '?', seconds, fraction] = match;
  return {
    call,
    result: value === '?' ? Number.NaN : Number(value),
    durationNs:
      seconds === undefined ? undefined : Number(seconds) * 1e9 + nanoseconds(fraction ?? '0'),
  };
}
