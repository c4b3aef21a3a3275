/** Mistakes with the cache, the trees and the primitives. */
import type { Notifier, SubscriptionOps } from '@mmu-notifier/core';
import { createDerivedCache, type DerivedCache } from '@mmu-notifier/derived';
import { IntervalTree } from '@mmu-notifier/interval-tree';
import { reference } from '@mmu-notifier/reference';
import {
  becomeAgent,
  declareDead,
  delay,
  exponentialBackoff,
  headerWords,
  Mailbox,
  mailboxWords,
  Mutex,
  refuseDeadHolder,
  Region,
  runSync,
  RwSemaphore,
  serveWhileBlocked,
  createThread,
  SpinLock,
  Srcu,
  startTimer,
  struct,
  useClock,
  VirtualClock,
  WaitQueue,
  watchDeaths,
} from '@mmu-notifier/sync';
import { joinAgents, spawnAgent } from '@mmu-notifier/sync/agents';
import { mistake, wrong, type Mistake, type Table } from './misuse.ts';

const nothing = (): void => {};

function cache(): DerivedCache<number, void> {
  return createDerivedCache(reference.create(), {
    build: (key: number, reading) => reading.add({ start: key, end: key + 1 }),
  });
}

export const derived: Table = {
  createDerivedCache: [
    mistake('no notifier', 'MMN_OPTION', 'notifier.subscribe to be a function', () =>
      createDerivedCache(wrong<Notifier>(undefined), { build: nothing }),
    ),
    mistake('no build', 'MMN_OPTION', 'options.build to be a function, got undefined', () =>
      createDerivedCache(reference.create(), wrong<{ build: () => void }>(undefined)),
    ),
    mistake('no room', 'MMN_OPTION', 'valuesMax to be an integer of at least 1, got 0', () =>
      createDerivedCache(reference.create(), { build: nothing, valuesMax: 0 }),
    ),
    mistake('half an attempt', 'MMN_OPTION', 'attemptsMax to be an integer of at least 1', () =>
      createDerivedCache(reference.create(), { build: nothing, attemptsMax: 0.5 }),
    ),
  ],
  DerivedCache: 'made by createDerivedCache',
  'DerivedCache.peek': 'takes any key: of one that was never built there is no value',
  'DerivedCache.get': [
    mistake('a cache that is closed', 'MMN_CLOSED', 'an open cache, got a closed one', async () => {
      const closed = cache();
      await closed.close();
      return closed.get(1);
    }),
    mistake(
      'a build that adds no range',
      'MMN_RANGE_EMPTY',
      'the ranges that it reads, got none',
      () => createDerivedCache(reference.create(), { build: nothing }).get(1),
    ),
    mistake('a key that is no place', 'MMN_ADDRESS', 'start to be an integer', () =>
      cache().get(-1),
    ),
  ],
  'DerivedCache.invalidateAll': 'takes nothing; harmless when there is nothing',
  'DerivedCache.close': 'takes nothing; once more is harmless',
};

const indexReason = 'takes what the scheme has checked; a mistake is an InvariantError';

export const intervalTree1d: Table = {
  createIntervalTree1dIndex: 'takes nothing',
  'IntervalTree1dIndex.*': indexReason,
  IntervalTree1dIndex: 'takes nothing',
};

function tree(capacity = 4): IntervalTree {
  return IntervalTree.create(new ArrayBuffer(IntervalTree.byteLength(capacity)), { capacity });
}

/** What every method of a handle refuses. */
function ofHandle(use: (tree: IntervalTree, handle: number) => unknown): Mistake[] {
  return [
    mistake('a handle beyond the capacity', 'MMN_TREE_HANDLE', 'from 0 to 3, got 4', () =>
      use(tree(), 4),
    ),
    mistake('a fraction of a handle', 'MMN_TREE_HANDLE', 'got 0.5', () => use(tree(), 0.5)),
  ];
}

function ofAbsent(use: (tree: IntervalTree, handle: number) => unknown): Mistake[] {
  return [
    ...ofHandle(use),
    mistake('a handle that is not in the tree', 'MMN_TREE_ABSENT', 'handle 1', () =>
      use(tree(), 1),
    ),
  ];
}

function ofQuery(query: (tree: IntervalTree, start: number, last: number) => unknown): Mistake[] {
  return [
    mistake('an inverted query', 'MMN_TREE_INTERVAL', '0 <= start <= last, got [6, 5]', () =>
      query(tree(), 6, 5),
    ),
    mistake('a query of nothing', 'MMN_TREE_INTERVAL', 'got [NaN, 5]', () =>
      query(tree(), Number.NaN, 5),
    ),
  ];
}

export const intervalTree: Table = {
  IntervalTreeError: 'takes what its thrower has checked',
  IntervalTree: 'made by create, attach and moveTo',
  'IntervalTree.over': 'takes a BareTree, whose type is checked',
  'IntervalTree.byteLength': [
    mistake('no capacity', 'MMN_TREE_CAPACITY', 'a capacity from 1', () =>
      IntervalTree.byteLength(0),
    ),
    mistake('a fan-out that no node has', 'MMN_TREE_CAPACITY', 'from 4 to 16, got 3', () =>
      IntervalTree.byteLength(1, 3),
    ),
  ],
  'IntervalTree.create': [
    mistake('memory that is too small', 'MMN_TREE_MEMORY', 'ends at byte 8', () =>
      IntervalTree.create(new ArrayBuffer(8), { capacity: 4 }),
    ),
    mistake('a place between words', 'MMN_TREE_MEMORY', 'a multiple of 8, got 4', () =>
      IntervalTree.create(new ArrayBuffer(4096), { capacity: 4, byteOffset: 4 }),
    ),
  ],
  'IntervalTree.attach': [
    mistake('memory without a tree', 'MMN_TREE_MEMORY', 'got magic 0', () =>
      IntervalTree.attach(new ArrayBuffer(4096)),
    ),
    mistake('no memory', 'MMN_TREE_MEMORY', 'got Undefined', () =>
      IntervalTree.attach(wrong(undefined)),
    ),
  ],
  'IntervalTree.moveTo': [
    mistake('a smaller capacity', 'MMN_TREE_CAPACITY', 'at least 4, as now, got 2', () =>
      tree().moveTo(new ArrayBuffer(4096), { capacity: 2 }),
    ),
    mistake('another fan-out', 'MMN_TREE_CAPACITY', 'got 8', () =>
      tree().moveTo(new ArrayBuffer(4096), { capacity: 8, fanOut: 8 }),
    ),
  ],
  'IntervalTree.insert': [
    ...ofHandle((tree, handle) => tree.insert(handle, 0, 1)),
    mistake('an inverted interval', 'MMN_TREE_INTERVAL', 'got [6, 5]', () =>
      tree().insert(0, 6, 5),
    ),
    mistake('a handle that is in the tree', 'MMN_TREE_PRESENT', 'handle 0', () => {
      const one = tree();
      one.insert(0, 0, 1);
      one.insert(0, 2, 3);
    }),
    mistake('one more than it holds', 'MMN_TREE_FULL', 'use moveTo', () => {
      const one = tree(1);
      one.insert(0, 0, 1);
      one.insert(1, 2, 3);
    }),
    mistake('a tree that has left', 'MMN_TREE_MOVED', 'moveTo returned', () => {
      const one = tree();
      one.moveTo(new ArrayBuffer(4096), { capacity: 8 });
      one.insert(0, 0, 1);
    }),
  ],
  'IntervalTree.remove': ofAbsent((tree, handle) => tree.remove(handle)),
  'IntervalTree.has': ofHandle((tree, handle) => tree.has(handle)),
  'IntervalTree.startOf': ofAbsent((tree, handle) => tree.startOf(handle)),
  'IntervalTree.lastOf': ofAbsent((tree, handle) => tree.lastOf(handle)),
  'IntervalTree.first': ofQuery((tree, start, last) => tree.first(start, last)),
  'IntervalTree.next': [
    ...ofQuery((tree, start, last) => tree.next(0, start, last)),
    ...ofAbsent((tree, handle) => tree.next(handle, 0, 1)),
  ],
  'IntervalTree.collect': ofQuery((tree, start, last) =>
    tree.collect(start, last, new Int32Array(1)),
  ),
  'IntervalTree.load': [
    mistake('columns of two lengths', 'MMN_TREE_LOAD', 'got 1 handles, 1 starts and 0 lasts', () =>
      tree().load(Int32Array.of(0), Float64Array.of(0), new Float64Array(0)),
    ),
    mistake('starts that fall', 'MMN_TREE_LOAD', 'ascending order', () =>
      tree().load(Int32Array.of(0, 1), Float64Array.of(2, 1), Float64Array.of(3, 3)),
    ),
    mistake('a tree that holds something', 'MMN_TREE_LOAD', 'an empty tree', () => {
      const one = tree();
      one.insert(0, 0, 1);
      one.load(Int32Array.of(1), Float64Array.of(2), Float64Array.of(3));
    }),
  ],
  'IntervalTree.verify': [
    mistake('a tree that has left', 'MMN_TREE_MOVED', 'moveTo returned', () => {
      const one = tree();
      one.moveTo(new ArrayBuffer(4096), { capacity: 8 });
      one.verify();
    }),
  ],
};

const ofBare = 'for callers who have checked: what it says of itself first';
export const bareTree: Table = { BareTree: ofBare, 'BareTree.*': ofBare, setQuery: ofBare };

const bytes = (headerWords + mailboxWords + (mailboxWords & 1)) * 4;
const description = { kind: 'misuse', capacity: 1, byteLength: bytes };
const region = (): Region => Region.create(description);

/** What every primitive's constructor refuses. */
function ofPlace(make: (region: Region, index: number) => unknown): Mistake[] {
  return [
    mistake('words of the header', 'MMN_MEMORY', `from ${headerWords} to`, () => make(region(), 0)),
    mistake('words behind the end', 'MMN_MEMORY', 'got 1000000', () => make(region(), 1_000_000)),
    mistake('half a word', 'MMN_MEMORY', 'got 32.5', () => make(region(), 32.5)),
  ];
}

const word =
  'reads or writes the word that it is told, in the hottest of loops: whoever lays words out knows them';
const waitsOnly = 'takes a signal, whose type the platform checks';
const looks = 'reads: whatever it is asked for is there or not';

export const sync: Table = {
  Mailbox: ofPlace((region, index) => new Mailbox(region, index, { blocks: false })),
  'Mailbox.own': [
    mistake('ops without invalidate', 'MMN_OPS_UNKNOWN', 'an invalidate function, got object', () =>
      new Mailbox(region(), headerWords, { blocks: false }).own(wrong<SubscriptionOps>({})),
    ),
    mistake('a closed mailbox', 'MMN_CLOSED', 'an open mailbox, got a closed one', () => {
      const mailbox = new Mailbox(region(), headerWords, { blocks: false });
      mailbox.close();
      mailbox.own({ invalidate: nothing });
    }),
  ],
  'Mailbox.disown': 'harmless for a cookie that nobody owns',
  'Mailbox.serve': 'takes nothing; harmless when nothing was posted',
  'Mailbox.close': 'takes nothing; once more is harmless',
  Mutex: ofPlace((region, index) => new Mutex(region, index)),
  'Mutex.tryLock': 'takes nothing; a lock that is held is an answer',
  'Mutex.lock': waitsOnly,
  'Mutex.lockSync': [
    mistake('a wait that would never end', 'MMN_WOULD_BLOCK', 'use the plain form', () => {
      const mutex = new Mutex(region(), headerWords);
      mutex.lockSync();
      mutex.lockSync();
    }),
  ],
  'Mutex.unlock': [
    mistake('a mutex that is free', 'MMN_LOCK', "expected 'mutex' to be held, got it free", () =>
      new Mutex(region(), headerWords).unlock(),
    ),
  ],
  Region: 'made by create and attach',
  'Region.create': [
    mistake('half a word', 'MMN_MEMORY', 'a multiple of 8 from', () =>
      Region.create({ ...description, byteLength: 1002 }),
    ),
    mistake('memory that is too small', 'MMN_MEMORY', `at least ${bytes} bytes, got 8`, () =>
      Region.create(description, new ArrayBuffer(8)),
    ),
    mistake('a view', 'MMN_MEMORY', 'or a SharedArrayBuffer, got Uint8Array', () =>
      Region.create(description, wrong(new Uint8Array(bytes))),
    ),
    mistake('memory that is in use', 'MMN_MEMORY', 'memory that is zero', () =>
      Region.create(description, region().memory),
    ),
    mistake('a long name', 'MMN_MEMORY', 'a name of at most', () =>
      Region.create({ ...description, kind: 'x'.repeat(100) }),
    ),
    mistake('a capacity below 0', 'MMN_MEMORY', 'capacity to be an integer from 0', () =>
      Region.create({ ...description, capacity: -1 }),
    ),
  ],
  'Region.attach': [
    mistake('memory without a region', 'MMN_MEMORY', 'a region laid out by create', () =>
      Region.attach(new ArrayBuffer(bytes), 'misuse'),
    ),
    mistake('a region of another kind', 'MMN_MEMORY', "of 'other', got one of 'misuse'", () =>
      Region.attach(region().memory, 'other'),
    ),
  ],
  'Region.load': word,
  'Region.store': word,
  'Region.add': word,
  'Region.exchange': word,
  'Region.compareExchange': word,
  'Region.grow': [
    mistake('a smaller size', 'MMN_MEMORY', `at least ${bytes} bytes, got`, () =>
      region().grow(1, bytes - 8),
    ),
    mistake('shared memory', 'MMN_OUT_OF_CAPACITY', 'at most 1 entries in this shared memory', () =>
      Region.create(description, new SharedArrayBuffer(bytes)).grow(2, bytes * 2),
    ),
  ],
  RwSemaphore: ofPlace((region, index) => new RwSemaphore(region, index)),
  'RwSemaphore.tryDownRead': 'takes nothing; a semaphore that is held is an answer',
  'RwSemaphore.downRead': waitsOnly,
  'RwSemaphore.downReadSync': [
    mistake('a wait that would never end', 'MMN_WOULD_BLOCK', 'use the plain form', () => {
      const semaphore = new RwSemaphore(region(), headerWords);
      semaphore.downWriteSync();
      semaphore.downReadSync();
    }),
  ],
  'RwSemaphore.upRead': [
    mistake('a semaphore that no reader holds', 'MMN_LOCK', 'to be held by a reader', () =>
      new RwSemaphore(region(), headerWords).upRead(),
    ),
  ],
  'RwSemaphore.tryDownWrite': 'takes nothing; a semaphore that is held is an answer',
  'RwSemaphore.downWrite': waitsOnly,
  'RwSemaphore.downWriteSync': [
    mistake('a wait that would never end', 'MMN_WOULD_BLOCK', 'use the plain form', () => {
      const semaphore = new RwSemaphore(region(), headerWords);
      semaphore.downReadSync();
      semaphore.downWriteSync();
    }),
  ],
  'RwSemaphore.upWrite': [
    mistake('a semaphore that no writer holds', 'MMN_LOCK', 'to be held by a writer', () =>
      new RwSemaphore(region(), headerWords).upWrite(),
    ),
  ],
  SpinLock: ofPlace((region, index) => new SpinLock(region, index)),
  'SpinLock.lock': [
    mistake('a second time in one event loop', 'MMN_LOCK', 'to be free, got it held', () => {
      const lock = new SpinLock(region(), headerWords);
      lock.lock();
      lock.lock();
    }),
  ],
  'SpinLock.enter': 'takes nothing; in one event loop there is nothing to get wrong',
  'SpinLock.leave': 'takes nothing; in one event loop there is nothing to get wrong',
  'SpinLock.lockSync': [
    mistake('a second time in one event loop', 'MMN_LOCK', 'to be free, got it held', () => {
      const lock = new SpinLock(region(), headerWords);
      lock.lockSync();
      lock.lockSync();
    }),
  ],
  'SpinLock.tryLock': 'takes nothing; a lock that is held is an answer',
  'SpinLock.unlock': [
    mistake('a lock that is free', 'MMN_LOCK', 'to be held, got it free', () =>
      new SpinLock(region(), headerWords).unlock(),
    ),
  ],
  Srcu: ofPlace((region, index) => new Srcu(region, index)),
  'Srcu.readLock': 'takes nothing, never waits',
  'Srcu.readUnlock': [
    mistake('a section that nobody opened', 'MMN_LOCK', 'to be open, got none', () =>
      new Srcu(region(), headerWords).readUnlock(0),
    ),
  ],
  'Srcu.synchronize': waitsOnly,
  'Srcu.synchronizeSync': [
    mistake('a wait that would never end', 'MMN_WOULD_BLOCK', 'use the plain form', () => {
      const srcu = new Srcu(region(), headerWords);
      srcu.readLock();
      srcu.synchronizeSync();
    }),
  ],
  'Srcu.call': [
    mistake('no callback', 'MMN_OPTION', 'callback to be a function, got undefined', () =>
      new Srcu(region(), headerWords).call(wrong(undefined)),
    ),
  ],
  'Srcu.barrier': 'takes nothing; harmless when nothing is to come',
  VirtualClock: 'takes nothing',
  'VirtualClock.nowMs': 'takes nothing',
  'VirtualClock.startTimer': 'called by startTimer, which checks',
  'VirtualClock.advance': [
    mistake('a way back', 'MMN_OPTION', 'byMs to be milliseconds from 0 on, got -1', () =>
      new VirtualClock().advance(-1),
    ),
  ],
  WaitQueue: ofPlace((region, index) => new WaitQueue(region, index)),
  'WaitQueue.waitUntil': [
    mistake('no condition', 'MMN_OPTION', 'condition to be a function, got boolean', () =>
      new WaitQueue(region(), headerWords).waitUntil(wrong(true)),
    ),
  ],
  'WaitQueue.waitUntilSync': [
    mistake('no condition', 'MMN_OPTION', 'condition to be a function, got undefined', () =>
      new WaitQueue(region(), headerWords).waitUntilSync(wrong(undefined)),
    ),
    mistake('a wait that would never end', 'MMN_WOULD_BLOCK', 'use the plain form', () =>
      new WaitQueue(region(), headerWords).waitUntilSync(() => false),
    ),
  ],
  'WaitQueue.wait': 'a part of a slow path, for primitives: its types are checked',
  'WaitQueue.wakeAll': 'takes nothing; harmless when nobody waits',
  becomeAgent: [
    mistake('a number that regions count', 'MMN_OPTION', 'from 4096 to 2^30-1, got 1', () =>
      becomeAgent(1),
    ),
  ],
  cpuRelax: 'takes nothing at all',
  deadAgents: looks,
  declareDead: [
    mistake('nobody', 'MMN_OPTION', 'the number of an agent, from 1 on, got 0', () =>
      declareDead(region(), 0),
    ),
  ],
  delay: [
    mistake('no time', 'MMN_OPTION', 'delayMs to be milliseconds from 0 on, got NaN', () =>
      delay(Number.NaN),
    ),
  ],
  enableLockdep: 'takes options, all of which have defaults',
  exponentialBackoff: [
    mistake(
      'a delay below 0',
      'MMN_OPTION',
      'delayMsMax to be milliseconds from 0 on, got -5',
      () => exponentialBackoff({ delayMsMax: -5 }),
    ),
  ],
  fieldAt: 'takes the fields that struct takes, and any index',
  hasDeaths: looks,
  isDead: looks,
  isShared: 'takes any memory',
  mightSleep: 'takes a name for reports',
  nonBlockEnd: 'takes nothing; one too many is a report of the debug mode',
  nonBlockStart: 'takes nothing at all',
  nowMs: 'takes nothing at all',
  refuseDeadHolder: [
    mistake('a holder that died', 'MMN_AGENT_DIED', 'agent 7, which holds it, has died', () => {
      const here = region();
      declareDead(here, 7);
      refuseDeadHolder(here, 7, 'the lock');
    }),
  ],
  run: 'takes a slow path, for primitives: its types are checked',
  runSync: [
    mistake('a wait that would never end', 'MMN_WOULD_BLOCK', 'use the plain form', () => {
      const here = region();
      runSync(
        (function* () {
          yield { region: here, index: headerWords, expected: 0 };
        })(),
      );
    }),
  ],
  createThread: [
    mistake('no function', 'MMN_OPTION', 'sleep to be a function, got undefined', () =>
      createThread(wrong(undefined)),
    ),
  ],
  nameOfMailboxWord: 'of an index without a word there is no name',
  whileAwaitedBy: 'called by mailboxes',
  serveWhileBlocked: [
    mistake('no function', 'MMN_OPTION', 'serve to be a function, got undefined', () =>
      serveWhileBlocked(wrong(undefined)),
    ),
  ],
  startTimer: [
    mistake('text for a time', 'MMN_OPTION', 'from 0 on, got 1s', () =>
      startTimer(wrong('1s'), nothing),
    ),
    mistake('nothing to call', 'MMN_OPTION', 'fire to be a function, got undefined', () =>
      startTimer(1, wrong(undefined)),
    ),
  ],
  struct: [
    mistake(
      'a width that does not exist',
      'MMN_OPTION',
      'the field seq to be a word or wide, got long',
      () => struct({ seq: wrong('long') }),
    ),
  ],
  thisAgent: 'takes nothing at all',
  useClock: [
    mistake('no clock', 'MMN_OPTION', 'clock.startTimer to be a function', () =>
      useClock(wrong({})),
    ),
  ],
  wake: word,
  watchDeaths: [
    mistake('no grace', 'MMN_OPTION', 'graceMs to be an integer from 1 to 2^31-1, got 0.5', () =>
      watchDeaths(region(), { graceMs: 0.5 }),
    ),
  ],
};

export const agents: Table = {
  Agent: 'made by spawnAgent',
  'Agent.watch': 'takes a Region, whose type is checked',
  'Agent.unwatch': 'takes a Region; harmless for one that it did not watch',
  'Agent.post': 'takes what can be cloned: the platform’s DataCloneError says what cannot',
  'Agent.terminate': 'takes nothing; once more is harmless',
  'Agent.keepsAlive': 'takes any value, for its truth',
  joinAgents: [
    mistake('a thread that nobody spawned', 'MMN_OPTION', 'a thread that spawnAgent started', () =>
      joinAgents(),
    ),
  ],
  requireSharedMemory: 'takes nothing; says itself what is missing',
  spawnAgent: [
    mistake('a path for a module', 'MMN_OPTION', "module's URL, got './worker.js': new URL(", () =>
      spawnAgent(wrong('./worker.js')),
    ),
    mistake('no module', 'MMN_OPTION', "module's URL, got undefined", () =>
      spawnAgent(wrong(undefined)),
    ),
  ],
};
