/** Mistakes with the laboratory's packages: the simulated machine, recordings, the explorer, the conformance kit. */
import {
  type AddressSpace,
  Machine,
  Scheduler,
  type Device,
  type Task,
} from '@mmu-notifier/address-space';
import { conformance, judge, play } from '@mmu-notifier/conformance';
import { performJob } from '@mmu-notifier/conformance/agents';
import {
  choose,
  explore,
  exploreEvents,
  free,
  note,
  part,
  waitInSlices,
  replay,
  replayEvents,
  verify,
} from '@mmu-notifier/explorer';
import { replayOnWorkers } from '@mmu-notifier/explorer/workers';
import { reference } from '@mmu-notifier/reference';
import { generate, parseRecording } from '@mmu-notifier/workloads';
import { embeddedRecordingPath, readRecording } from '@mmu-notifier/workloads/node';
import { mistake, wrong, type Mistake, type Table } from './misuse.ts';

const nothing = (): void => {};

function machine(): Machine {
  return new Machine({ scheduler: new Scheduler(), createNotifier: () => reference.create() });
}

/** Carries a task out on its own, as far as it goes. */
function carryOut(task: Task<unknown>): void {
  while (task.next().done !== true);
}

function ofRange(
  use: (space: AddressSpace, address: number, length: number) => Task<unknown>,
): Mistake[] {
  const make = (address: number, length: number): void =>
    carryOut(use(machine().createAddressSpace(), address, length));
  return [
    mistake('an address below 0', 'MMN_ADDRESS', 'range.start to be an integer from 0 to', () =>
      make(-4096, 4096),
    ),
    mistake('no length', 'MMN_RANGE_EMPTY', 'range to hold an address, got [4096, 4096)', () =>
      make(4096, 0),
    ),
    mistake('text', 'MMN_ADDRESS', 'range.start to be an integer', () => make(wrong('4096'), 4096)),
  ];
}

function ofAddress(use: (space: AddressSpace, address: number) => Task<unknown>): Mistake[] {
  const make = (address: number): void => carryOut(use(machine().createAddressSpace(), address));
  return [
    mistake(
      'an address below 0',
      'MMN_ADDRESS',
      'address to be an integer from 0 to 2^53-1, got -1',
      () => make(-1),
    ),
    mistake(
      'half an address',
      'MMN_ADDRESS',
      'address to be an integer from 0 to 2^53-1, got 0.5',
      () => make(0.5),
    ),
  ];
}

function device(): Device {
  return machine().createDevice();
}

const ofRun = 'takes a name for reports';
const ofTypes = 'takes what the package made, whose types are checked';

export const addressSpace: Table = {
  AddressSpace: 'made by Machine.createAddressSpace, fork and exec',
  'AddressSpace.startSection': 'called by its operations and devices',
  'AddressSpace.tryStartSection': 'called by its operations and devices',
  'AddressSpace.endSection': 'called by its operations and devices',
  'AddressSpace.changed': 'called by its operations and devices',
  'AddressSpace.lockForWrite': 'called by its operations and devices',
  'AddressSpace.lockForRead': 'called by its operations and devices',
  'AddressSpace.beginRead': 'called by its operations and devices',
  'AddressSpace.endRead': 'called by its operations and devices',
  'AddressSpace.mmap': [
    mistake('no length', 'MMN_RANGE_EMPTY', 'mapping to hold an address', () =>
      carryOut(machine().createAddressSpace().mmap({ length: 0, address: 4096 })),
    ),
    mistake('an address below 0', 'MMN_ADDRESS', 'mapping.start to be an integer', () =>
      carryOut(machine().createAddressSpace().mmap({ length: 4096, address: -4096 })),
    ),
  ],
  'AddressSpace.munmap': ofRange((space, address, length) => space.munmap(address, length)),
  'AddressSpace.mremap': [
    mistake(
      'ranges that overlap',
      'MMN_OPTION',
      'not to overlap the old one, got one that does',
      () =>
        carryOut(
          machine()
            .createAddressSpace()
            .mremap({ address: 0, oldLength: 8192, newLength: 8192, newAddress: 4096 }),
        ),
    ),
  ],
  'AddressSpace.mprotect': ofRange((space, address, length) => space.mprotect(address, length, 1)),
  'AddressSpace.madvise': ofRange((space, address, length) =>
    space.madvise(address, length, 'dontneed'),
  ),
  'AddressSpace.brk': ofAddress((space, address) => space.brk(address)),
  'AddressSpace.fault': ofAddress((space, address) => space.fault(address)),
  'AddressSpace.fork': ofRun,
  'AddressSpace.exit': 'takes nothing at all',
  'AddressSpace.exec': ofRun,
  'AddressSpace.reclaim': ofRange((space, address, length) => space.reclaim(address, length)),
  'AddressSpace.migrate': ofRange((space, address, length) => space.migrate(address, length)),
  'AddressSpace.ksm': ofRange((space, address, length) => space.ksm(address, length)),
  'AddressSpace.collapse': ofAddress((space, address) => space.collapse(address)),
  'AddressSpace.split': ofAddress((space, address) => space.split(address)),
  'AddressSpace.numaHinting': ofRange((space, address, length) =>
    space.numaHinting(address, length),
  ),
  'AddressSpace.softDirtyClear': 'takes nothing at all',
  'AddressSpace.writeback': ofRange((space, address, length) => space.writeback(address, length)),
  'AddressSpace.truncate': ofRange((space, address, length) => space.truncate(address, length)),
  'AddressSpace.deviceMigrate': ofRange((space, address, length) =>
    space.deviceMigrate(address, length, device()),
  ),
  'AddressSpace.deviceExclusive': ofRange((space, address, length) =>
    space.deviceExclusive(address, length, device()),
  ),
  'AddressSpace.oomReap': 'takes nothing at all',
  'AddressSpace.contentsAt': [
    mistake('an address below 0', 'MMN_ADDRESS', 'got -1', () =>
      machine().createAddressSpace().contentsAt(-1),
    ),
  ],
  'AddressSpace.populatedCount': [
    mistake('no span', 'MMN_ADDRESS', 'range to be an object with start and end', () =>
      machine().createAddressSpace().populatedCount(wrong(undefined)),
    ),
  ],
  'AddressSpace.verify': 'takes nothing; for tests',
  Device: 'made by Machine.createDevice',
  'Device.register': [
    mistake('an empty span', 'MMN_RANGE_EMPTY', 'got [5, 5)', () => {
      const one = machine();
      carryOut(one.createDevice().register(one.createAddressSpace(), { start: 5, end: 5 }));
    }),
  ],
  'Device.unregister': ofTypes,
  'Device.access': 'outside of the mirror it is refused: that is an outcome',
  'Device.contentsAt': ofTypes,
  'Device.sleep': 'takes nothing at all',
  Machine: [
    mistake(
      'no scheduler',
      'MMN_OPTION',
      'options.scheduler.spawn to be a function, got undefined',
      () => new Machine(wrong({ createNotifier: () => reference.create() })),
    ),
    mistake(
      'a notifier for a function',
      'MMN_OPTION',
      'options.createNotifier to be a function, got object',
      () => new Machine({ scheduler: new Scheduler(), createNotifier: wrong(reference.create()) }),
    ),
  ],
  'Machine.createAddressSpace': ofRun,
  'Machine.createDevice': [
    mistake('no attempt', 'MMN_OPTION', 'attemptsMax to be an integer of at least 1, got 0', () =>
      machine().createDevice({ attemptsMax: 0 }),
    ),
  ],
  'Machine.createFile': ofRun,
  'Machine.createBacking': ofRun,
  'Machine.contentsOr': 'called by the package',
  'Machine.forget': 'called by the package',
  'Machine.verify': 'takes nothing; for tests',
  Random: 'any integer is a seed',
  'Random.next': 'takes nothing at all',
  'Random.below': 'draws in the hottest of loops: of no numbers it draws 0',
  'Random.chance': 'below 0 it is never, above 1 always',
  isPromise: 'takes any value',
  Scheduler: 'any integer is a seed',
  'Scheduler.spawn': [
    mistake(
      'a function for a task',
      'MMN_OPTION',
      'task.next to be a function, got undefined',
      () => new Scheduler().spawn(wrong(nothing)),
    ),
  ],
  'Scheduler.sleep': 'no turn is a turn: any count ends',
  'Scheduler.step': 'takes nothing; tells who failed, with the cause',
  'Scheduler.run': 'takes nothing; tells who failed, with the cause',
  'Scheduler.runUntil': [
    mistake('no condition', 'MMN_OPTION', 'condition to be a function, got undefined', () =>
      new Scheduler().runUntil(wrong(undefined)),
    ),
  ],
  waitFor: 'takes a promise, whose type is checked',
  createStatistics: 'takes nothing at all',
};

export const workloads: Table = {
  WorkloadError: 'takes what its thrower has checked',
  RecordingError: 'takes what its thrower has checked',
  countKinds: 'takes a stream of events, whose types are checked',
  generate: [
    mistake('a workload that does not exist', 'MMN_WORKLOAD_UNKNOWN', 'got "nonsense"', () =>
      generate('nonsense'),
    ),
    mistake('an option that does not exist', 'MMN_WORKLOAD_OPTION', 'an option of races', () =>
      generate('races', { colour: 1 }),
    ),
    mistake(
      'no events',
      'MMN_WORKLOAD_OPTION',
      'events to be an integer from 1 to 10000000, got 0',
      () => generate('races', { events: 0 }),
    ),
  ],
  parseRecording: [
    mistake('nothing', 'MMN_RECORDING_EMPTY', 'got nothing', () => parseRecording('')),
    mistake('no text', 'MMN_RECORDING_INPUT', 'expected', () => parseRecording(wrong(42))),
    mistake('another text', 'MMN_RECORDING_FORMAT', 'a line of perf script or strace, got', () =>
      parseRecording('{}\n{}\n'),
    ),
    mistake('half a gzip file', 'MMN_RECORDING_GZIP', 'expected', () =>
      parseRecording(Uint8Array.of(0x1f, 0x8b, 8, 0)),
    ),
    mistake('a cut line, in strict mode', 'MMN_RECORDING_LINE', 'line 2', () =>
      parseRecording('1 1.000001 munmap(0x1000, 4096) = 0 <0.000001>\n1 1.0 munm', {
        strict: true,
      }),
    ),
  ],
  quote: 'takes any text',
  validate: 'says itself what is wrong with a stream, as a list',
};

export const recordings: Table = {
  embeddedRecordingPath: [
    mistake('a name that none has', 'MMN_WORKLOAD_UNKNOWN', 'got "nonsense"', () =>
      embeddedRecordingPath('nonsense'),
    ),
  ],
  readRecording: [
    mistake('no file', 'MMN_RECORDING_UNREADABLE', 'a readable file, got ENOENT', () =>
      readRecording('/nowhere/recording.txt'),
    ),
  ],
};

const scenario = { memory: 8, threads: { a: nothing } };

export const explorer: Table = {
  ExplorerError: 'takes what its thrower has checked',
  InterleavingError: 'made by verify',
  choose: [
    mistake('no choice', 'ExplorerError', 'a number of choices from 1 to 1048576, got 0', () =>
      choose(0),
    ),
    mistake('outside of a thread', 'ExplorerError', 'in setup, threads and check', () => choose(2)),
  ],
  free: [
    mistake(
      'memory that is not explored',
      'ExplorerError',
      'a view on the shared memory, got one on other',
      () => free(new Int32Array(1)),
    ),
  ],
  part: [
    mistake('memory that is not explored', 'ExplorerError', 'got one of other memory', () =>
      part(new SharedArrayBuffer(64), 0, 8),
    ),
  ],
  waitInSlices: [
    mistake('an array elsewhere', 'ExplorerError', 'an Int32Array on the shared memory', () =>
      waitInSlices(new Int32Array(8), 0, 0),
    ),
  ],
  note: [
    mistake('outside of a thread', 'ExplorerError', 'in setup, threads and check', () =>
      note('here'),
    ),
  ],
  explore: [
    mistake('no threads', 'ExplorerError', 'threads, got 0', () => explore({ threads: {} })),
    mistake('a strategy that does not exist', 'ExplorerError', "random or pct, got 'luck'", () =>
      explore({ ...scenario, strategy: wrong('luck') }),
    ),
    mistake('preemptions below 0', 'ExplorerError', 'preemptions from 0 on, got -1', () =>
      explore({ ...scenario, preemptions: -1 }),
    ),
    mistake('a bound for chance', 'ExplorerError', 'no bound on preemptions', () =>
      explore({ ...scenario, strategy: 'random', preemptions: 1 }),
    ),
    mistake('memory below 0', 'ExplorerError', 'at most 256 MiB, got -1', () =>
      explore({ ...scenario, memory: -1 }),
    ),
    mistake('a thread that waits', 'ExplorerError', 'got one that returns a promise', () =>
      explore({ threads: { a: async () => {} } }),
    ),
  ],
  exploreEvents: [
    mistake(
      'a strategy that does not exist',
      'ExplorerError',
      "preemptions or random, got 'luck'",
      () => exploreEvents({ run: async () => {}, strategy: wrong('luck') } as never),
    ),
  ],
  replay: [
    mistake('no schedule', 'ExplorerError', "a schedule such as 'a12b3a', got '?'", () =>
      replay(scenario, '?'),
    ),
    mistake('a thread that is over', 'ExplorerError', 'step 1 of the schedule, got thread a', () =>
      replay(scenario, 'a100'),
    ),
  ],
  replayEvents: [
    mistake('no schedule', 'ExplorerError', "a schedule such as '0,2,1', got 'a'", () =>
      replayEvents(wrong({ run: async () => {} }), 'a'),
    ),
  ],
  verify: [mistake('no threads', 'ExplorerError', 'threads, got 0', () => verify({ threads: {} }))],
};

export const explorerWorkers: Table = {
  replayOnWorkers: [
    mistake(
      'a module without a scenario',
      'ExplorerError',
      "to export a scenario as 'scenario', got none",
      () => replayOnWorkers('node:path', 'a', { exportName: 'scenario' }),
    ),
  ],
};

const strategy = reference;
const runner = { describe: nothing, it: nothing };

async function judged(options: object): Promise<void> {
  for await (const _ of judge(wrong(options)));
}

export const conformanceKit: Table = {
  CheckFailed: 'takes what its thrower has checked',
  'conditions.*': 'takes traits, whose types are checked',
  conformance: [
    mistake('no strategy', 'MMN_OPTION', 'options.strategy.traits to be a function', () =>
      conformance({ ...runner, strategy: wrong(undefined), knownGaps: [] }),
    ),
    mistake('a variant that does not exist', 'MMN_OPTION', "got 'v0'", () =>
      conformance({ ...runner, strategy, variant: 'v0', knownGaps: [] }),
    ),
    mistake('no runner', 'MMN_OPTION', 'options.it to be a function, got undefined', () =>
      conformance({ describe: nothing, it: wrong(undefined), strategy, knownGaps: [] }),
    ),
  ],
  judge: [
    mistake('no strategy', 'MMN_OPTION', 'options.strategy.traits to be a function', () =>
      judged({}),
    ),
    mistake('a key that does not exist', 'MMN_OPTION', "keys of the catalogue, got 'S99'", () =>
      judged({ strategy, only: ['S99'] }),
    ),
    mistake('no effort', 'MMN_OPTION', 'effort to be a number above 0, got 0', () =>
      judged({ strategy, effort: 0 }),
    ),
  ],
  play: [
    mistake('a variant that does not exist', 'MMN_OPTION', "got 'v0'", () =>
      play(strategy, { tasks: [], choices: [0] }, { variant: 'v0' }),
    ),
  ],
};

export const conformanceAgents: Table = {
  nodeAgents: 'an agent that cannot import its module fails the keys that need it',
  performJob: [
    mistake(
      'a module without a strategy',
      'Error',
      "to export a strategy as 'strategy', got none",
      () => performJob(wrong({ module: 'node:path', exportName: 'strategy' })),
    ),
  ],
};
