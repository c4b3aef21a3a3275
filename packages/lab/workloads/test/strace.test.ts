import { expect, test } from 'vitest';
import { parseRecording, type MemoryEvent } from '../src/index.ts';

async function read(...lines: readonly string[]): ReturnType<typeof parseRecording> {
  return parseRecording(lines.map((line) => `${line}\n`).join(''));
}

function brief(events: readonly MemoryEvent[]): string[] {
  return events.map(({ kind, process, thread, beginNs, endNs }) => {
    const times = beginNs === endNs ? String(beginNs) : `${beginNs}-${endNs}`;
    return `${kind} ${process}/${thread} ${times}`;
  });
}

test('an unfinished call lasts until it ends, and the calls between overlap it', async () => {
  const { events } = await read(
    '7 1795373620.000001 mmap(NULL, 23, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK, -1, 0 <unfinished ...>',
    '8 1795373620.000002 madvise(0x7f8b24000000, 4096, MADV_FREE) = 0 <0.000004>',
    '7 1795373620.000012 <... mmap resumed>) = 0x7f8b250cc000 <0.000009>',
  );
  expect(events).toMatchObject([
    {
      kind: 'mmap',
      beginNs: 0,
      endNs: 9000,
      line: 1,
      address: 0x7f8b250cc000,
      length: 4096,
      protection: 3,
      flags: 0x20022,
      backing: 'anonymous',
    },
    { kind: 'madvise', beginNs: 1000, endNs: 5000, line: 2, advice: 'free' },
  ]);
});

test('without -T a call ends where it is resumed', async () => {
  const { events } = await read(
    '7 20.000001 munmap(0x1000, 4096 <unfinished ...>',
    '7 20.000012 <... munmap resumed>) = 0',
    '7 20.000020 munmap(0x2000, 4096) = 0',
  );
  expect(brief(events)).toEqual(['munmap 7/7 0-11000', 'munmap 7/7 19000']);
});

test('flags of clone tell threads, forks and borrowers', async () => {
  const { events } = await read(
    '1 5.000000 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD|CLONE_SETTLS, child_tid=0x7f, exit_signal=0} => {parent_tid=[2]}, 88) = 2 <0.000010>',
    '1 5.000020 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7e) = 3 <0.000010>',
    '1 5.000040 clone(child_stack=0x7f8b, flags=CLONE_VM|CLONE_VFORK|SIGCHLD <unfinished ...>',
    '4 5.000050 execve("/bin/true", ["true"], 0x7ffd /* 35 vars */) = 0 <0.000005>',
    '1 5.000060 <... clone resumed>) = 4 <0.000020>',
    '1 5.000070 vfork( <unfinished ...>',
    '5 5.000080 execve("/bin/a", ["a", ") = 3"], 0x7ffd /* 35 vars */) = -1 ENOENT (No such file or directory) <0.000003>',
    '5 5.000090 +++ exited with 127 +++',
    '1 5.000095 <... vfork resumed>) = 5 <0.000025>',
  );
  expect(brief(events)).toEqual([
    'threadStart 1/1 0-10000',
    'fork 1/1 20000-30000',
    'threadStart 1/1 40000-50000',
    'exec 4/4 50000-55000',
    // The child's exit is the first that is known of it: the parent had made it by then.
    'threadStart 1/1 70000-90000',
    'exitThread 1/5 90000',
  ]);
});

test('the last thread to exit ends the process, whoever called exit_group', async () => {
  const { events, summary } = await read(
    '1 5.000000 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD) = 2 <0.000010>',
    '1 5.000020 exit_group(0 <unfinished ...>',
    '2 5.000021 munmap(0x1000, 4096 <unfinished ...>',
    '1 5.000022 <... exit_group resumed>) = ?',
    '2 5.000023 <... munmap resumed>) = ?',
    '1 5.000030 +++ exited with 0 +++',
    '2 5.000040 +++ killed by SIGKILL (core dumped) +++',
  );
  expect(brief(events).slice(1)).toEqual(['exitThread 1/1 30000', 'exit 1/2 40000']);
  expect({ ...summary.failedCalls }).toEqual({ munmap: 1 });
});

test('an exec by a second thread goes on under the number of the first', async () => {
  const { events } = await read(
    '1 5.000000 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD) = 2 <0.000010>',
    '2 5.000020 execve("/bin/true", ["true"], 0x7ffd /* 35 vars */ <unfinished ...>',
    '1 5.000030 +++ superseded by execve in pid 2 +++',
    '1 5.000031 <... execve resumed>) = 0 <0.000011>',
    '1 5.000040 brk(NULL) = 0x1000 <0.000001>',
    '1 5.000050 +++ exited with 0 +++',
  );
  expect(brief(events).slice(1)).toEqual([
    'exec 1/1 20000-31000',
    'brk 1/1 40000-41000',
    'exit 1/1 50000',
  ]);
});

test('a call that strace rounds beyond its successor ends where that begins', async () => {
  const { events } = await read(
    '1 5.000000 munmap(0x1000, 4096) = 0 <0.000011>',
    '1 5.000010 munmap(0x2000, 4096) = 0 <0.000001>',
  );
  expect(brief(events)).toEqual(['munmap 1/1 0-10000', 'munmap 1/1 10000-11000']);
});

test('strace without -f, without times and on a terminal is read', async () => {
  const plain = await read('munmap(0x1000, 4096) = 0', 'brk(NULL)    = 0x2000');
  expect(brief(plain.events)).toEqual(['munmap 1/1 0', 'brk 1/1 1000']);
  const terminal = await read(
    'strace: Process 12 attached',
    '[pid    12] 10:11:12.000001 munmap(0x1000, 4096) = 0 <0.000002>',
    '[pid    12] 10:11:13.000001 brk(NULL) = 0x2000',
  );
  expect(brief(terminal.events)).toEqual(['munmap 12/12 0-2000', 'brk 12/12 1000000000']);
});

test('every form of numbers and names is read', async () => {
  const { events, summary } = await read(
    '1 5.1 mmap(0x7f0000000000, 8192, PROT_NONE, MAP_SHARED_VALIDATE|MAP_FIXED_NOREPLACE|0x4000000, 3</memfd:a, b>, 0x1000) = 0x7f0000000000',
    '1 5.2 mmap(NULL, 2097152, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0) = 0x7f0000200000',
    '1 5.3 madvise(0x7f0000000000, 4096, MADV_GUARD_INSTALL) = 0',
    '1 5.4 madvise(0x7f0000000000, 4096, MADV_NOVELTY) = 0',
    '1 5.5 pkey_mprotect(0x7f0000000000, 4096, PROT_READ|PROT_NOVEL, 1) = 0',
    '1 5.6 mremap(0x7f0000000000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7f0000400000) = 0x7f0000400000',
    '1 5.7 fork() = 2',
  );
  expect(events).toMatchObject([
    { kind: 'mmap', protection: 0, flags: 0x4100003, backing: 'file' },
    { kind: 'mmap', protection: 5, flags: 0x40022, backing: 'anonymous' },
    { kind: 'madvise', advice: 'guard_install' },
    { kind: 'madvise', advice: 'other' },
    { kind: 'mprotect', protection: 1 },
    { kind: 'mremap', flags: 3, newAddress: 0x7f0000400000 },
    { kind: 'fork', child: 2 },
  ]);
  expect({ ...summary.unknownNames }).toEqual({ MADV_NOVELTY: 1, PROT_NOVEL: 1 });
});

test('other calls and malformed ones are counted by name', async () => {
  const { summary } = await read(
    '1 5.1 munmap(0x1000, 4096) = 0',
    '1 5.2 openat(AT_FDCWD, "a = b", O_RDONLY) = 3',
    '1 5.3 mlock(0x1000, 4096 <unfinished ...>',
    '1 5.4 <... mlock resumed>) = 0',
    '1 5.5 munmap(here, 4096) = 0',
    '1 5.6 munmap(0x1000, 4096',
    '1 5.7 --- SIGCHLD {si_signo=SIGCHLD} ---',
    '1 5.8 what is this',
    '1 5.9 madvise(0x1000, 0, MADV_DONTNEED) = 0',
  );
  expect({ ...summary.ignored }).toEqual({ mlock: 2, signal: 1, 'empty range': 1 });
  expect({ ...summary.unknown }).toEqual({
    'call of openat': 1,
    'malformed munmap': 2,
    'not a line of strace': 1,
  });
});
