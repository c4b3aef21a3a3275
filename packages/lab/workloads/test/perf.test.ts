import { expect, test } from 'vitest';
import { parseRecording, type MemoryEvent, type Recording } from '../src/index.ts';

type Line = readonly [task: string, ns: number, rest: string];

/** Lines of perf script from `task time event: rest`; the task is `pid/tid`, the time in nanoseconds. */
function perf(...lines: readonly Line[]): string {
  return lines
    .map(([task, ns, rest]) => {
      const [ids = '', command = 'program'] = task.split(' ');
      return `${command.padStart(16)} ${ids}  100.${String(ns).padStart(9, '0')}: ${rest}\n`;
    })
    .join('');
}

const enter = (call: string): string => `syscalls:sys_enter_${call}               0`;
const exit = (call: string, result: string): string =>
  `syscalls:sys_exit_${call}: ${result}               0`;
const fault = (address: string): string => `page-faults:     ${address}`;
const clone = (flags: string): string =>
  enter(
    `clone: clone_flags: ${flags}, newsp: 0x00000000, parent_tidptr: 0x00000000, child_tidptr: 0x00000000, tls: 0x00000000`,
  );
const forked = (parent: number, child: number): string =>
  `sched:sched_process_fork: comm=program pid=${parent} child_comm=program child_pid=${child}               0`;
const ended = (thread: number, dead: boolean): string =>
  `sched:sched_process_exit: comm=program pid=${thread} prio=120 group_dead=${dead}               0`;

async function read(...lines: readonly Line[]): Promise<Recording> {
  return parseRecording(perf(...lines), { format: 'perf' });
}

function brief(events: readonly MemoryEvent[]): string[] {
  return events.map(({ kind, process, thread, beginNs, endNs }) => {
    const times = beginNs === endNs ? String(beginNs) : `${beginNs}-${endNs}`;
    return `${kind} ${process}/${thread} ${times}`;
  });
}

test('a call lasts from its enter to its exit, and other threads overlap it', async () => {
  const { events } = await read(
    ['1/1', 10, enter('munmap: addr: 0x7f0000001000, len: 0x00001801')],
    ['1/2', 15, enter('madvise: start: 0x7f0000001000, len_in: 0x00001000, behavior: 0x00000004')],
    ['1/1', 20, exit('munmap', '0x0')],
    ['1/2', 30, exit('madvise', '0x0')],
  );
  expect(events).toEqual([
    {
      kind: 'munmap',
      process: 1,
      thread: 1,
      beginNs: 0,
      endNs: 10,
      line: 1,
      address: 0x7f0000001000,
      length: 0x2000,
    },
    {
      kind: 'madvise',
      process: 1,
      thread: 2,
      beginNs: 5,
      endNs: 20,
      line: 2,
      address: 0x7f0000001000,
      length: 0x1000,
      advice: 'dontneed',
    },
  ]);
});

test('an mmap is where it landed', async () => {
  const { events } = await read(
    [
      '1/1',
      0,
      enter(
        'mmap: addr: 0x00000000, len: 0x00000017, prot: 0x00000003, flags: 0x00000022, fd: 0xffffffff, off: 0x00000000',
      ),
    ],
    ['1/1', 5, exit('mmap', '0x7efeeeb7a000')],
  );
  expect(events).toMatchObject([
    {
      kind: 'mmap',
      address: 0x7efeeeb7a000,
      length: 4096,
      protection: 3,
      flags: 0x22,
      backing: 'anonymous',
    },
  ]);
});

test('an mremap tells both places', async () => {
  const { events } = await read(
    [
      '1/1',
      0,
      enter(
        'mremap: addr: 0x7f797dd84000, old_len: 0x00003000, new_len: 0x00005800, flags: 0x00000001, new_addr: 0x00000000',
      ),
    ],
    ['1/1', 5, exit('mremap', '0x7f797dd7f000')],
  );
  expect(events).toMatchObject([
    {
      kind: 'mremap',
      address: 0x7f797dd84000,
      oldLength: 0x3000,
      newLength: 0x6000,
      newAddress: 0x7f797dd7f000,
      flags: 1,
    },
  ]);
});

test('a call that fails is counted and makes no event', async () => {
  const { events, summary } = await read(
    ['1/1', 0, enter('madvise: start: 0x1000, len_in: 0x00001000, behavior: 0xffffffff')],
    ['1/1', 5, exit('madvise', '0xffffffffffffffea')],
  );
  expect(events).toEqual([]);
  expect({ ...summary.failedCalls }).toEqual({ madvise: 1 });
});

test('a recording that begins and ends inside calls says so', async () => {
  const { events, summary } = await read(
    ['1/1', 0, exit('munmap', '0x0')],
    ['1/1', 1, fault('1000')],
    ['1/1', 2, enter('brk: brk: 0x00000000')],
  );
  expect(brief(events)).toEqual(['fault 1/1 0']);
  expect(summary.incompleteCalls).toBe(2);
});

test('faults of the kernel and the vsyscall page are counted, not passed on', async () => {
  const { events, summary } = await read(
    ['1/1', 0, fault('ffffffffff600000')],
    ['1/1', 1, fault('1fffffffffffff')],
  );
  expect(events).toMatchObject([{ address: Number.MAX_SAFE_INTEGER }]);
  expect({ ...summary.ignored }).toEqual({ 'address beyond 2^53': 1 });
});

test('a fork is complete when the kernel says so, before its child does anything', async () => {
  const { events } = await read(
    ['1/1', 0, clone('0x01200011')],
    ['1/1', 10, forked(1, 2)],
    ['2/2', 12, exit('clone', '0x0')],
    ['2/2', 13, fault('1000')],
    ['1/1', 20, exit('clone', '0x2')],
    ['2/2', 30, ended(2, true)],
  );
  expect(events[0]).toMatchObject({ kind: 'fork', child: 2 });
  expect(brief(events)).toEqual(['fork 1/1 0-10', 'fault 2/2 13', 'exit 2/2 30']);
});

test('without the fork tracepoint the result of clone names the child', async () => {
  const { events } = await read(
    ['1/1', 0, clone('0x01200011')],
    ['2/2', 12, exit('clone', '0x0')],
    ['2/2', 13, fault('1000')],
    ['1/1', 20, exit('clone', '0x2')],
  );
  expect(events[0]).toMatchObject({ kind: 'fork', child: 2 });
  expect(brief(events)).toEqual(['fork 1/1 0-13', 'fault 2/2 13']);
});

test("clone3's child is a thread or a process by the column of its first line", async () => {
  const enterClone3 = enter('clone3: uargs: 0x7ffcba533240, size: 0x00000058');
  const { events, summary } = await read(
    ['1/1', 0, enterClone3],
    ['1/1', 10, forked(1, 2)],
    ['1/1', 11, exit('clone3', '0x2')],
    ['1/2', 12, exit('clone3', '0x0')],
    ['1/1', 20, enterClone3],
    ['1/1', 30, forked(1, 3)],
    ['1/1', 31, exit('clone3', '0x3')],
    ['3/3', 32, exit('clone3', '0x0')],
    ['1/1', 40, enterClone3],
    ['1/1', 50, forked(1, 4)],
    ['1/1', 51, exit('clone3', '0x4')],
  );
  expect(brief(events)).toEqual([
    'threadStart 1/1 0-10',
    'fork 1/1 20-30',
    'threadStart 1/1 40-50',
  ]);
  expect(summary).toMatchObject({ undecidedClones: 1, assumedVforks: 0 });
});

test('clone with CLONE_VM and CLONE_VFORK borrows until exec, which leaves the lender alone', async () => {
  const { events } = await read(
    ['1/1', 0, clone('0x00004111')],
    ['1/1', 10, forked(1, 2)],
    ['2/2', 12, fault('1000')],
    ['2/2', 13, enter('execve: filename: 0x1, argv: 0x2, envp: 0x3')],
    ['2/2 other', 14, fault('2000')],
    ['1/1', 15, exit('clone', '0x2')],
    ['2/2 other', 16, exit('execve', '0x0')],
    ['2/2 other', 17, ended(2, true)],
    ['1/1', 18, fault('1000')],
  );
  expect(brief(events)).toEqual([
    'threadStart 1/1 0-10',
    'fault 1/2 12',
    'exec 2/2 14-16',
    'fault 2/2 14',
    'exit 2/2 17',
    'fault 1/1 18',
  ]);
  expect(events[2]).toMatchObject({ previous: 1 });
});

test('a borrower that exits without exec does not end the lender', async () => {
  const { events } = await read(
    ['1/1', 0, enter('vfork:')],
    ['1/1', 10, forked(1, 2)],
    ['2/2', 12, exit('vfork', '0x0')],
    ['2/2', 13, ended(2, true)],
    ['1/1', 15, exit('vfork', '0x2')],
    ['1/1', 18, ended(1, true)],
  );
  expect(brief(events)).toEqual(['threadStart 1/1 0-10', 'exitThread 1/2 13', 'exit 1/1 18']);
});

test('an exec by a thread that is not the first ends the others', async () => {
  const { events, summary } = await read(
    ['1/1', 0, fault('1000')],
    ['1/2', 1, fault('1000')],
    ['1/2', 2, enter('execve: filename: 0x1, argv: 0x2, envp: 0x3')],
    ['1/1', 3, ended(1, false)],
    ['1/1 other', 9, exit('execve', '0x0')],
    ['1/1 other', 10, ended(1, true)],
  );
  expect(brief(events).slice(2)).toEqual(['exitThread 1/1 3', 'exec 1/1 3-9', 'exit 1/1 10']);
  expect(summary.unannouncedThreads).toBe(1);
});

test('an exit waits for the faults of its thread on the way out', async () => {
  const { events } = await read(
    ['1/1', 0, fault('1000')],
    ['1/2', 1, fault('1000')],
    ['1/2', 2, ended(2, false)],
    ['1/1', 3, ended(1, true)],
    ['1/2', 4, fault('2990')],
  );
  expect(brief(events).slice(2)).toEqual(['exitThread 1/1 3', 'fault 1/2 4', 'exit 1/2 4']);
});

test('exit_group ends the process where no exits are recorded', async () => {
  const { events } = await read(
    ['1/1', 0, fault('1000')],
    ['1/2', 1, fault('1000')],
    ['1/1', 2, enter('exit_group: error_code: 0x00000000')],
  );
  expect(brief(events).slice(2)).toEqual(['exit 1/1 2']);
});

test('commands with spaces and slashes, a CPU column and a period are read', async () => {
  const text =
    'dconf worker 0/1:2 17/18 [003] 5.000001: page-faults: 1000\n' +
    '  program 17 [001] 5.000003:          1 page-faults:u:      2000 4011d0 main+0x10\n';
  const { events } = await parseRecording(text);
  expect(events).toMatchObject([
    { process: 17, thread: 18, address: 0x1000, beginNs: 0 },
    { process: 17, thread: 17, address: 0x2000, beginNs: 2000 },
  ]);
});

test('other events are counted by name', async () => {
  const { summary } = await read(
    ['1/1', 0, fault('1000')],
    ['1/1', 1, 'sched:sched_switch: prev_comm=program'],
    ['1/1', 2, enter('mlock: start: 0x1000, len: 0x1000')],
    ['1/1', 3, exit('mlock', '0x0')],
    ['1/1', 4, enter('munmap: addr: 0x1000')],
    ['1/1', 5, 'PERF_RECORD_LOST lost 100'],
  );
  expect({ ...summary.ignored }).toEqual({ mlock: 2 });
  expect({ ...summary.unknown }).toEqual({
    'sched:sched_switch': 1,
    'malformed syscalls:sys_enter_munmap': 1,
    'not a line of perf script': 1,
  });
});
