/**
 * The other way round: events as the text that perf and strace would have written, for round trips.
 */
import { adviceByNumber, mapFlags, protections, type MemoryEvent } from '../src/index.ts';

interface Call {
  readonly name: string;
  readonly perf: string;
  readonly strace: string;
  readonly result: number;
}

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

function names(prefix: string, bits: Readonly<Record<string, number>>, value: number): string {
  const set = Object.entries(bits).filter(([, bit]) => (value & bit) !== 0);
  return set.map(([name]) => prefix + name.toUpperCase()).join('|');
}

/** The call that makes an event, or `undefined` for what is no call. */
function callOf(event: MemoryEvent): Call | undefined {
  const { kind } = event;
  switch (kind) {
    case 'mmap': {
      const { address, length, protection, flags } = event;
      return {
        name: kind,
        perf: `addr: 0x00000000, len: ${hex(length)}, prot: ${hex(protection)}, flags: ${hex(flags)}, fd: 0xffffffff, off: 0x00000000`,
        strace: `NULL, ${length}, ${names('PROT_', protections, protection) || 'PROT_NONE'}, ${names('MAP_', mapFlags, flags)}, -1, 0`,
        result: address,
      };
    }
    case 'munmap': {
      const { address, length } = event;
      const perf = `addr: ${hex(address)}, len: ${hex(length)}`;
      return { name: kind, perf, strace: `${hex(address)}, ${length}`, result: 0 };
    }
    case 'mprotect': {
      const { address, length, protection } = event;
      return {
        name: kind,
        perf: `start: ${hex(address)}, len: ${hex(length)}, prot: ${hex(protection)}`,
        strace: `${hex(address)}, ${length}, ${names('PROT_', protections, protection) || 'PROT_NONE'}`,
        result: 0,
      };
    }
    case 'madvise': {
      const { address, length, advice } = event;
      const number = [...adviceByNumber].find(([, name]) => name === advice)?.[0] ?? -1;
      return {
        name: kind,
        perf: `start: ${hex(address)}, len_in: ${hex(length)}, behavior: ${hex(number)}`,
        strace: `${hex(address)}, ${length}, MADV_${advice.toUpperCase()}`,
        result: 0,
      };
    }
    case 'mremap': {
      const { address, oldLength, newLength, newAddress, flags } = event;
      return {
        name: kind,
        perf: `addr: ${hex(address)}, old_len: ${hex(oldLength)}, new_len: ${hex(newLength)}, flags: ${hex(flags)}, new_addr: ${hex(newAddress)}`,
        strace: `${hex(address)}, ${oldLength}, ${newLength}, MREMAP_MAYMOVE|MREMAP_FIXED, ${hex(newAddress)}`,
        result: newAddress,
      };
    }
    case 'brk': {
      const address = hex(event.address);
      return { name: kind, perf: `brk: ${address}`, strace: address, result: event.address };
    }
    case 'fork':
    case 'threadStart': {
      const flags = kind === 'fork' ? 0x01200011 : 0x003d0f00;
      const perf = `clone_flags: ${hex(flags)}, newsp: 0x00000000, parent_tidptr: 0x00000000, child_tidptr: 0x00000000, tls: 0x00000000`;
      const strace =
        kind === 'fork'
          ? 'child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7efeee91ba10'
          : 'child_stack=0x7efeee91ba10, flags=CLONE_VM|CLONE_FS|CLONE_SIGHAND|CLONE_THREAD';
      return { name: 'clone', perf, strace, result: event.child };
    }
    default:
      return undefined;
  }
}

interface Line {
  readonly ns: number;
  readonly text: string;
}

function join(lines: Line[]): string {
  return lines
    .sort((a, b) => a.ns - b.ns)
    .map(({ text }) => `${text}\n`)
    .join('');
}

/** What `perf script` would print, each call as two lines. */
export function perfText(events: readonly MemoryEvent[]): string {
  const lines: Line[] = [];
  for (const event of events) {
    const { kind, process, thread, beginNs, endNs } = event;
    const print = (ns: number, rest: string): void => {
      const time = `${4755 + Math.floor(ns / 1e9)}.${String(ns % 1e9).padStart(9, '0')}`;
      lines.push({ ns, text: `    redis-server ${process}/${thread}  ${time}: ${rest}` });
    };
    const call = callOf(event);
    if (kind === 'fault')
      print(beginNs, `               page-faults:     ${event.address.toString(16)}`);
    else if (kind === 'exit' || kind === 'exitThread') {
      print(
        beginNs,
        `sched:sched_process_exit: comm=redis pid=${thread} prio=120 group_dead=${kind === 'exit'}               0`,
      );
    } else if (call !== undefined) {
      print(beginNs, `syscalls:sys_enter_${call.name}: ${call.perf}               0`);
      if ('child' in event) {
        const fork = `comm=redis pid=${thread} child_comm=redis child_pid=${event.child}`;
        print(endNs, `sched:sched_process_fork: ${fork}               0`);
      }
      print(endNs, `syscalls:sys_exit_${call.name}: 0x${call.result.toString(16)}               0`);
    }
  }
  return join(lines);
}

/** What strace would print, in whole microseconds; calls for which `split` says so in two lines. */
export function straceText(
  events: readonly MemoryEvent[],
  split: (event: MemoryEvent) => boolean,
): string {
  const lines: Line[] = [];
  for (const event of events) {
    const { kind, thread, beginNs, endNs } = event;
    const print = (ns: number, rest: string): void => {
      const time = `${1_795_373_620 + Math.floor(ns / 1e9)}.${String((ns % 1e9) / 1000).padStart(6, '0')}`;
      lines.push({ ns, text: `${thread} ${time} ${rest}` });
    };
    const call = callOf(event);
    if (kind === 'exit' || kind === 'exitThread') print(beginNs, '+++ exited with 0 +++');
    if (call === undefined) continue;
    const seconds = ((endNs - beginNs) / 1e9).toFixed(6);
    const result =
      kind === 'mmap' || kind === 'brk' || kind === 'mremap' ? hex(call.result) : call.result;
    const end = `) = ${result} <${seconds}>`;
    if (split(event)) {
      print(beginNs, `${call.name}(${call.strace} <unfinished ...>`);
      print(endNs, `<... ${call.name} resumed>${end}`);
    } else print(beginNs, `${call.name}(${call.strace}${end}`);
  }
  return join(lines);
}
