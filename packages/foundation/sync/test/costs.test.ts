/** Atomics calls of each operation in shared memory, counted, and as the README says. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  headerWords,
  Mutex,
  RwSemaphore,
  SpinLock,
  Srcu,
  WaitQueue,
  type Region,
} from '../src/index.ts';
import { createRegion, memories } from './memories.ts';

const counted = ['add', 'compareExchange', 'exchange', 'load', 'notify', 'store', 'sub'] as const;
const originals = Object.fromEntries(counted.map((name) => [name, Atomics[name]]));

afterEach(() => void Object.assign(Atomics, originals));

/** How many Atomics calls `act` makes. */
function callsOf(act: () => unknown): number {
  let calls = 0;
  for (const name of counted) {
    const original = originals[name] as (...args: unknown[]) => unknown;
    const counting = (...args: unknown[]): unknown => {
      calls++;
      return original(...args);
    };
    Object.assign(Atomics, { [name]: counting });
  }
  act();
  Object.assign(Atomics, originals);
  return calls;
}

/** The README's table: operations of a primitive, without qualifiers, to calls. */
function readmeCosts(): Map<string, number> {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const costs = new Map<string, number>();
  for (const [, primitive, operations, calls] of readme.matchAll(
    /^\| `(\w+)` ((?:`\w+`(?:, )?)+)[^|]*\| (\d+) \|$/gm,
  )) {
    for (const [, operation] of operations!.matchAll(/`(\w+)`/g)) {
      costs.set(`${primitive}.${operation}`, Number(calls));
    }
  }
  return costs;
}

type Operation = [name: string, prepare: (region: Region) => () => unknown];

/** Each does what must come before, and returns what is counted. */
const operations: Operation[] = [
  ...(['lock', 'tryLock'] as const).map((name): Operation => [
    `SpinLock.${name}`,
    (region) => {
      const lock = new SpinLock(region, headerWords);
      return () => lock[name]();
    },
  ]),
  ...(['lock', 'lockSync', 'tryLock'] as const).map((name): Operation => [
    `Mutex.${name}`,
    (region) => {
      const mutex = new Mutex(region, headerWords);
      return () => mutex[name]();
    },
  ]),
  ...([SpinLock, Mutex] as const).map((Lock): Operation => [
    `${Lock.name}.unlock`,
    (region) => {
      const lock = new Lock(region, headerWords);
      lock.lockSync();
      return () => lock.unlock();
    },
  ]),
  ...(
    [
      'downRead',
      'downReadSync',
      'tryDownRead',
      'downWrite',
      'downWriteSync',
      'tryDownWrite',
    ] as const
  ).map((name): Operation => [
    `RwSemaphore.${name}`,
    (region) => {
      const semaphore = new RwSemaphore(region, headerWords);
      return () => semaphore[name]();
    },
  ]),
  ...(['Read', 'Write'] as const).map((mode): Operation => [
    `RwSemaphore.up${mode}`,
    (region) => {
      const semaphore = new RwSemaphore(region, headerWords);
      semaphore[`down${mode}Sync`]();
      return () => semaphore[`up${mode}`]();
    },
  ]),
  [
    'WaitQueue.wakeAll',
    (region) => {
      const queue = new WaitQueue(region, headerWords);
      return () => queue.wakeAll();
    },
  ],
  ...(['readLock', 'synchronize', 'synchronizeSync'] as const).map((name): Operation => [
    `Srcu.${name}`,
    (region) => {
      const srcu = new Srcu(region, headerWords);
      return () => srcu[name]();
    },
  ]),
  [
    'Srcu.readUnlock',
    (region) => {
      const srcu = new Srcu(region, headerWords);
      const side = srcu.readLock();
      return () => srcu.readUnlock(side);
    },
  ],
];

describe('the cost in Atomics calls', () => {
  const costs = readmeCosts();

  it('is in the README for each operation', () => {
    expect([...costs.keys()].toSorted()).toEqual(operations.map(([name]) => name).toSorted());
  });

  it.each(operations)('of %s is what the README says', (name, prepare) => {
    expect(callsOf(prepare(createRegion(memories[1]!)))).toBe(costs.get(name));
  });

  it.each(operations)('of %s is nothing in one event loop', (_name, prepare) => {
    expect(callsOf(prepare(createRegion(memories[0]!)))).toBe(0);
  });
});
