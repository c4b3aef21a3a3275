/**
 * Lines of `perf script -F comm,pid,tid,time,event,addr,trace --ns`.
 *
 *         COMM    PID/TID    SECONDS.FRACTION:  EVENT:  the rest
 *     chromium 23337/23364  4770.059851754:  syscalls:sys_enter_munmap: addr: 0x7f79, len: 0x1000       0
 *     chromium 23337/23364  4770.059869059:  page-faults:     a402452768
 *
 * 1. Tracepoints print their values in hexadecimal with 0x, in the kernel's order; page-faults has the address
 *    bare. Exits print only the result, so they are paired with the thread's open call.
 * 2. `pid=` of sched_process_fork and sched_process_exit are threads' numbers.
 * 3. Also read: perf's own choice of columns, `COMM TID [CPU] SECONDS.FRACTION: PERIOD EVENT:`; without a process
 *    column, processes are told from threads by the flags of clone alone.
 *
 * Linux: kernel/trace/trace_syscalls.c, include/trace/events/sched.h, v6.18.
 */
import { argumentsNeeded, beyond, callsIgnored, type Moment } from './calls.ts';
import type { Clock } from './clock.ts';
import type { Journal } from './journal.ts';
import type { Ledger } from './ledger.ts';

// Every repetition is bounded, so that no line takes long. A command has 15 bytes, any but a newline.
const header =
  /^\s{0,64}(\S.{0,30}?)\s{1,32}(-?\d{1,10})(?:\/(-?\d{1,10}))?\s{1,32}(?:\[\d{1,6}\]\s{1,32})?(\d{1,12})\.(\d{1,9}):\s{1,64}(?:\d{1,20}\s{1,32})?([a-z][\w-]{0,63}(?::[\w-]{1,63}){0,2}):(?= |$)/;

const enterPrefix = 'syscalls:sys_enter_';
const exitPrefix = 'syscalls:sys_exit_';

export function isPerfLine(text: string): boolean {
  return header.test(text);
}

export class PerfReader {
  readonly #ledger: Ledger;
  readonly #journal: Journal;
  readonly #clock: Clock;

  constructor(ledger: Ledger, journal: Journal, clock: Clock) {
    this.#ledger = ledger;
    this.#journal = journal;
    this.#clock = clock;
  }

  read(text: string, line: number): void {
    const match = header.exec(text);
    if (match === null) {
      this.#other(text);
      return;
    }
    const [whole, command = '', first, second, seconds = '', fraction = '', event = ''] = match;
    const thread = Number(second ?? first);
    const process = second === undefined ? -1 : Number(first);
    const at: Moment = { process, thread, timeNs: this.#clock.at(seconds, fraction), line };
    this.#journal.seen(thread, process);
    const from = whole.length;
    if (event.startsWith('page-faults')) this.#fault(text, from, at, command);
    else if (event.startsWith(exitPrefix)) this.#callEnd(event, text, from, at);
    else if (event.startsWith(enterPrefix)) this.#callBegin(event, text, from, at, command);
    else if (event === 'sched:sched_process_fork') this.#fork(text, from, at);
    else if (event === 'sched:sched_process_exit') this.#exit(text, from, at);
    else this.#ledger.refuse(event, text);
  }

  #fault(text: string, from: number, at: Moment, command: string): void {
    const digits = /^\s*([0-9a-f]{1,16})(?=\s|$)/.exec(text.slice(from))?.[1];
    if (digits === undefined) {
      this.#ledger.refuse('malformed page-faults', text);
      return;
    }
    const address = Number.parseInt(digits, 16);
    if (Number.isSafeInteger(address)) this.#journal.fault(address, at, command);
    else this.#ledger.ignore(beyond);
  }

  #callBegin(event: string, text: string, from: number, at: Moment, command: string): void {
    const name = event.slice(enterPrefix.length);
    const needed = argumentsNeeded.get(name);
    if (needed === undefined) {
      this.#unpaired(name, event, text);
      return;
    }
    // clone3 and execve pass pointers, which say nothing.
    const args = needed === 0 ? [] : hexadecimals(text, from);
    if (args.length < needed) this.#ledger.refuse(`malformed ${event}`, text);
    else this.#journal.beginCall(name, args, at, command);
  }

  #callEnd(event: string, text: string, from: number, at: Moment): void {
    const name = event.slice(exitPrefix.length);
    if (!argumentsNeeded.has(name)) {
      this.#unpaired(name, event, text);
      return;
    }
    const digits = /^\s*0x([0-9a-f]{1,16})(?=\s|$)/.exec(text.slice(from))?.[1];
    if (digits === undefined) {
      this.#ledger.refuse(`malformed ${event}`, text);
      return;
    }
    const failed = digits.length === 16 && digits.startsWith('fffffffffffff');
    this.#journal.endCall(name, failed ? -1 : Number.parseInt(digits, 16), at, 1);
  }

  #unpaired(name: string, event: string, text: string): void {
    if (callsIgnored.has(name)) this.#ledger.ignore(name);
    else this.#ledger.refuse(event, text);
  }

  #fork(text: string, from: number, at: Moment): void {
    const child = /\bchild_pid=(\d{1,10})(?=\s|$)/.exec(text.slice(from))?.[1];
    if (child === undefined) this.#ledger.refuse('malformed sched:sched_process_fork', text);
    else this.#journal.forked(Number(child), at);
  }

  #exit(text: string, from: number, at: Moment): void {
    const rest = text.slice(from);
    const thread = /\bpid=(\d{1,10})(?=\s|$)/.exec(rest)?.[1];
    if (thread === undefined || Number(thread) !== at.thread) {
      this.#ledger.refuse('malformed sched:sched_process_exit', text);
      return;
    }
    const dead = /\bgroup_dead=(true|false|0|1)(?=\s|$)/.exec(rest)?.[1];
    this.#journal.exited(dead === undefined ? undefined : dead === 'true' || dead === '1', at);
  }

  #other(text: string): void {
    if (/^\s*(?:#.*)?$/.test(text)) this.#ledger.ignore('comment or blank line');
    else this.#ledger.refuse('not a line of perf script', text);
  }
}

/** The numbers written `0x…` from `from` on. */
function hexadecimals(text: string, from: number): number[] {
  const numbers: number[] = [];
  for (let at = text.indexOf('0x', from); at >= 0; at = text.indexOf('0x', at + 2)) {
    numbers.push(Number.parseInt(text.slice(at + 2, at + 18), 16));
  }
  return numbers;
}
