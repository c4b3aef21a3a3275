/**
 * Taking what another agent holds, in the forms that block, without a thread: the other agent gives it back when this one comes to
 * spin (`Atomics.pause`), or to sleep (`Atomics.wait`).
 */
import { afterEach, describe, expect, it } from 'vitest';
import {
  declareDead,
  headerWords,
  Mutex,
  Region,
  RwSemaphore,
  SpinLock,
  Srcu,
  watchDeaths,
} from '../src/index.ts';
import { createRegion, memories } from './memories.ts';
import { rejectionOf, thrownBy } from './thrown.ts';

const index = headerWords;
const originals = { wait: Atomics.wait, pause: Atomics.pause };

afterEach(() => void Object.assign(Atomics, originals));

/** Runs `act` when this thread does that for the `time`th time. Returns how often it has done so. */
function when(what: 'wait' | 'pause', time: number, act: () => void): () => number {
  const original = originals[what] as (...given: unknown[]) => unknown;
  let times = 0;
  const counting = (...given: unknown[]): unknown => {
    if (++times === time) act();
    return original(...given);
  };
  Object.assign(Atomics, { [what]: counting });
  return () => times;
}

/** This agent, 1, and another one, 2. */
function agents(): [Region, Region] {
  const region = createRegion(memories[1]!);
  return [region, Region.attach(region.memory, 'test')];
}

/** A mutex of agent 2's, and this agent's object of it. */
function heldMutex(): { region: Region; mutex: Mutex; other: Mutex } {
  const [region, others] = agents();
  const other = new Mutex(others, index);
  other.lockSync();
  return { region, mutex: new Mutex(region, index), other };
}

describe('a mutex that another agent holds', () => {
  it('is had without sleep when it comes free soon', () => {
    const { region, mutex, other } = heldMutex();
    const spins = when('pause', 5, () => other.unlock());
    mutex.lockSync();
    expect(region.load(index)).toBe(1 << 1);
    expect(spins()).toBe(5);
  });

  it('is had after a sleep else, and nobody spins long', () => {
    const { region, mutex, other } = heldMutex();
    const spins = when('pause', Infinity, () => {});
    const sleeps = when('wait', 1, () => other.unlock());
    mutex.lockSync();
    expect(region.load(index)).toBe((1 << 1) | 1);
    expect(sleeps()).toBe(1);
    expect(spins()).toBeLessThan(1000);
  });

  it('is not had by whoever comes to sleep as another one takes it', () => {
    const { region, mutex, other } = heldMutex();
    const third = new Mutex(Region.attach(region.memory, 'test'), index);
    const sleeps = when('wait', 1, () => {
      other.unlock();
      third.lockSync();
      when('wait', 1, () => third.unlock());
    });
    mutex.lockSync();
    expect(sleeps()).toBe(1);
    expect(region.load(index)).toBe((1 << 1) | 1);
  });

  it('[K1] is never had when that dies, and it is named', async () => {
    const { region, mutex } = heldMutex();
    watchDeaths(region, { graceMs: 8 });
    const waited = rejectionOf(Promise.resolve(mutex.lock()));
    const sleeps = when('wait', 2, () => declareDead(region, 2));
    const thrown = {
      code: 'MMN_AGENT_DIED',
      message:
        'expected what is waited for to be given back, but agent 2, which holds it, has died',
    };
    expect(thrownBy(() => mutex.lockSync())).toEqual(thrown);
    expect(sleeps()).toBe(2);
    expect(await waited).toEqual(thrown);
    expect(thrownBy(() => mutex.tryLock()).message).toContain('agent 2');
  });

  it('is not spun for in one event loop', () => {
    const mutex = new Mutex(createRegion(memories[0]!), index);
    mutex.lockSync();
    const spins = when('pause', Infinity, () => {});
    expect(thrownBy(() => mutex.lockSync()).code).toBe('MMN_WOULD_BLOCK');
    expect(spins()).toBe(0);
  });
});

describe('a spin lock that another agent holds', () => {
  it('is had when it comes free, however late', () => {
    const [region, others] = agents();
    const [spin, other] = [new SpinLock(region, index), new SpinLock(others, index)];
    other.lock();
    const spins = when('pause', 10_000, () => other.unlock());
    spin.lock();
    expect(region.load(index)).toBe(1);
    expect(spins()).toBe(10_000);
  });

  it('[K1] is never had when that is dead, which is noticed after a while', () => {
    const [region, others] = agents();
    const [spin, other] = [new SpinLock(region, index, 'tree'), new SpinLock(others, index)];
    other.lock();
    const spins = when('pause', 10, () => declareDead(region, 2));
    expect(thrownBy(() => spin.lock())).toEqual({
      code: 'MMN_AGENT_DIED',
      message: "expected 'tree' to be given back, but agent 2, which holds it, has died",
    });
    expect(spins()).toBeLessThan(100_000);
    expect(region.load(index)).toBe(2);
  });
});

describe('a rw semaphore that another agent holds', () => {
  it.each([
    ['Read', 'Write', -1],
    ['Write', 'Read', 1],
    ['Write', 'Write', -1],
  ] as const)('by down%s is had by down%sSync after a sleep', (theirs, mine, count) => {
    const [region, others] = agents();
    const [semaphore, other] = [new RwSemaphore(region, index), new RwSemaphore(others, index)];
    void other[`down${theirs}`]();
    const sleeps = when('wait', 1, () => other[`up${theirs}`]());
    semaphore[`down${mine}Sync`]();
    expect(sleeps()).toBe(1);
    expect([...region.words.subarray(index, index + 2)]).toEqual([count, 0]);
  });
});

describe('a read section of another agent', () => {
  it('is waited for, sleeping', () => {
    const [region, others] = agents();
    const [srcu, other] = [new Srcu(region, index), new Srcu(others, index)];
    const side = other.readLock();
    let isOver = false;
    const sleeps = when('wait', 1, () => {
      isOver = true;
      other.readUnlock(side);
    });
    srcu.synchronizeSync();
    expect([isOver, sleeps()]).toEqual([true, 1]);
  });
});
