/** The debug mode: what it reports, with which words, and that it reports nothing else. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import {
  enableLockdep,
  headerWords,
  mightSleep,
  Mutex,
  nonBlockEnd,
  nonBlockStart,
  RwSemaphore,
  SpinLock,
  Srcu,
  WaitQueue,
  type LockdepOptions,
  type LockdepReport,
  type Region,
} from '../src/index.ts';
import { createRegion, memories } from './memories.ts';
import { finished, turns } from './tasks.ts';
import { thrownBy } from './thrown.ts';

const disables: (() => void)[] = [];

afterEach(() => {
  for (const disable of disables.splice(0)) disable();
});

/** Turns it on, collecting what it reports. */
function watch(options: LockdepOptions = {}): LockdepReport[] {
  const reports: LockdepReport[] = [];
  disables.push(enableLockdep({ report: (report) => reports.push(report), ...options }));
  return reports;
}

const kindsOf = (reports: LockdepReport[]): string[] => reports.map((report) => report.kind);

function locksIn(region: Region) {
  return {
    a: new Mutex(region, headerWords, 'a'),
    b: new Mutex(region, headerWords + 1, 'b'),
    c: new Mutex(region, headerWords + 2, 'c'),
    spin: new SpinLock(region, headerWords + 3, 'spin'),
    semaphore: new RwSemaphore(region, headerWords + 4, 'semaphore'),
    queue: new WaitQueue(region, headerWords + 8),
    srcu: new Srcu(region, headerWords + 10),
  };
}

describe.each(memories)('lockdep in $memory', (memory) => {
  const locks = () => locksIn(createRegion(memory));

  it.each<[string, (all: ReturnType<typeof locksIn>) => unknown, string]>([
    ['a mutex', ({ a }) => a.lock(), 'a'],
    ['a mutex, blocking', ({ a }) => a.lockSync(), 'a'],
    ['a rw semaphore for reading', ({ semaphore }) => semaphore.downRead(), 'semaphore'],
    [
      'a rw semaphore for reading, blocking',
      ({ semaphore }) => semaphore.downReadSync(),
      'semaphore',
    ],
    ['a rw semaphore for writing', ({ semaphore }) => semaphore.downWrite(), 'semaphore'],
    [
      'a rw semaphore for writing, blocking',
      ({ semaphore }) => semaphore.downWriteSync(),
      'semaphore',
    ],
    ['a wait queue', ({ queue }) => queue.waitUntil(() => true), 'waitUntil'],
    ['a wait queue, blocking', ({ queue }) => queue.waitUntilSync(() => true), 'waitUntilSync'],
    ['a grace period', ({ srcu }) => srcu.synchronize(), 'synchronize'],
    ['a grace period, blocking', ({ srcu }) => srcu.synchronizeSync(), 'synchronizeSync'],
    ['the caller’s own', () => mightSleep('flush'), 'flush'],
  ])('reports %s that may sleep, also when it need not wait', (_name, sleep, what) => {
    const all = locks();
    const reports = watch();
    nonBlockStart();
    sleep(all);
    nonBlockEnd();
    expect(reports).toEqual([
      {
        kind: 'sleep-in-atomic',
        message: `lockdep: ${what} may sleep in a non-blockable section`,
      },
    ]);
  });

  it.each<[string, (spin: SpinLock) => unknown]>([
    ['taken', (spin) => spin.lock()],
    ['tried', (spin) => spin.tryLock()],
    ['entered, which one event loop does only to be watched', (spin) => spin.enter()],
  ])('reports sleeping with a spin lock held that was %s, and names the lock', (_, take) => {
    const { a, spin } = locks();
    const reports = watch();
    take(spin);
    void a.lock();
    expect(reports).toEqual([
      {
        kind: 'sleep-in-atomic',
        message: "lockdep: a may sleep with spin lock 'spin' held",
      },
    ]);
  });

  it('allows what never sleeps: spin locks, tries, unlocks, wakes, read sections, calls', () => {
    const { a, b, semaphore, spin, queue, srcu } = locks();
    const reports = watch();
    void a.lock();
    nonBlockStart();
    spin.lock();
    b.tryLock();
    semaphore.tryDownRead();
    semaphore.upRead();
    semaphore.tryDownWrite();
    semaphore.upWrite();
    queue.wakeAll();
    const side = srcu.readLock();
    srcu.call(() => {}); // which has to wait, but not here
    srcu.readUnlock(side);
    b.unlock();
    a.unlock();
    spin.unlock();
    nonBlockEnd();
    mightSleep('afterwards');
    expect(reports).toEqual([]);
  });

  it('nests non-blockable sections, and reports an end without a start', () => {
    const reports = watch();
    nonBlockStart();
    nonBlockStart();
    nonBlockEnd();
    mightSleep('still inside');
    nonBlockEnd();
    mightSleep('outside');
    nonBlockEnd();
    expect(reports.map(({ message }) => message)).toEqual([
      'lockdep: still inside may sleep in a non-blockable section',
      'lockdep: a non-blockable section is ended by a task that is in none',
    ]);
  });

  it('reports a lock order inversion when it could first deadlock, naming both places', () => {
    const { a, b } = locks();
    const reports = watch();
    inOneOrder(a, b);
    expect(reports).toEqual([]);
    inTheOther(a, b);
    expect(kindsOf(reports)).toEqual(['order-inversion']);
    expect(reports[0]?.message).toMatch(
      /^lockdep: 'a' is taken with 'b' held, but 'b' was taken with 'a' held before:\nnow\n[^]*inTheOther[^]*\nbefore\n[^]*inOneOrder/,
    );
    inTheOther(a, b);
    expect(reports).toHaveLength(1);
  });

  it('goes through orders that go in a circle once', () => {
    const { a, b, c, semaphore } = locks();
    const reports = watch();
    inOneOrder(a, b);
    inTheOther(a, b);
    inOneOrder(c, a);
    void semaphore.downRead();
    void c.lock();
    expect(kindsOf(reports)).toEqual(['order-inversion']);
  });

  it('says where both were taken, beginning with the lock', () => {
    const region = createRegion(memory);
    const [first, second] = ['first', 'second'].map(
      (name, at) => new SpinLock(region, headerWords + at, name),
    ) as [SpinLock, SpinLock];
    const reports = watch();
    for (const [outer, inner] of [
      [first, second],
      [second, first],
    ] as const) {
      outer.lock();
      inner.lock();
      inner.unlock();
      outer.unlock();
    }
    const [, now, before] = /\nnow\n(.*)\nbefore\n(.*)$/s.exec(reports[0]!.message)!;
    for (const place of [now!, before!]) {
      const lines = place.split('\n');
      expect(lines[0]).toContain('SpinLock.lock');
      expect(lines[1]).toContain('lockdep.test');
      expect(lines).toHaveLength(5);
    }
  });

  it('reports an inversion through a third lock', () => {
    const { a, b, c } = locks();
    const reports = watch();
    inOneOrder(a, b);
    inOneOrder(b, c);
    expect(reports).toEqual([]);
    inTheOther(a, c);
    expect(kindsOf(reports)).toEqual(['order-inversion']);
    expect(reports[0]?.message).toMatch(
      /'a' is taken with 'c' held, but 'b' was taken with 'a' held before:\nnow\n[^]*inTheOther[^]*\nbefore\n[^]*inOneOrder/,
    );
  });

  it('takes order from every kind of lock, by class', () => {
    const region = createRegion(memory);
    const { a, spin, semaphore } = locksIn(region);
    const otherSpin = new SpinLock(region, headerWords + 20, 'spin');
    const reports = watch();
    void semaphore.downRead();
    void a.lock();
    spin.lock();
    spin.unlock();
    a.unlock();
    semaphore.upRead();
    otherSpin.lock();
    semaphore.tryDownWrite();
    otherSpin.unlock();
    semaphore.upWrite();
    expect(reports).toEqual([]);
    void a.lock();
    void semaphore.downWrite();
    expect(kindsOf(reports)).toEqual(['order-inversion']);
  });

  it('makes no order from a trylock, which cannot deadlock, but from what is taken under it', () => {
    const { a, b, c } = locks();
    const reports = watch();
    inOneOrder(a, b);
    b.tryLock();
    a.tryLock();
    a.unlock();
    b.unlock();
    expect(reports).toEqual([]);
    c.tryLock();
    void a.lock();
    a.unlock();
    c.unlock();
    inOneOrder(a, c);
    expect(kindsOf(reports)).toEqual(['order-inversion']);
  });

  it('reports an unlock of what the task does not hold, and refuses it by default', () => {
    const { a, spin, semaphore } = locks();
    a.tryLock();
    spin.tryLock();
    semaphore.tryDownRead();
    disables.push(enableLockdep());
    for (const unlock of [() => a.unlock(), () => spin.unlock(), () => semaphore.upRead()]) {
      expect(thrownBy(unlock)).toMatchObject({
        code: 'MMN_LOCK',
        message: expect.stringMatching(
          /^lockdep: '(a|spin|semaphore)' is released by a task that does not hold it$/,
        ) as string,
      });
    }
    expect([a.tryLock(), spin.tryLock(), semaphore.tryDownWrite()]).toEqual([false, false, false]);
  });

  it('reports a lock taken again by its holder, before it waits for itself', () => {
    const region = createRegion(memory);
    const { a, spin, semaphore } = locksIn(region);
    disables.push(enableLockdep());
    a.lockSync();
    // Another object over the same word is the same lock.
    const again = [
      () => a.lock(),
      () => new Mutex(region, headerWords, 'a').lockSync(),
      () => spin.lock(),
      () => semaphore.downRead(),
      () => semaphore.downWrite(),
    ];
    semaphore.downWriteSync();
    spin.lock();
    const codes = again.map((act) => thrownBy(act));
    expect(codes.map(({ code }) => code)).toEqual(again.map(() => 'MMN_LOCK'));
    expect(codes[2]?.message).toBe("lockdep: 'spin' is taken by a task that holds it already");
  });

  it.each([
    ['downRead', 'downWrite'],
    ['downWrite', 'downRead'],
    ['downWrite', 'downWrite'],
  ] as const)('reports %s, then %s, of one rw semaphore', (first, second) => {
    const { semaphore } = locks();
    disables.push(enableLockdep());
    void semaphore[first]();
    expect(thrownBy(() => semaphore[second]())).toEqual({
      code: 'MMN_LOCK',
      message: "lockdep: 'semaphore' is taken by a task that holds it already",
    });
  });

  it('allows two shared holds of one rw semaphore, and an unlock in another order', () => {
    const { a, b, semaphore } = locks();
    const reports = watch();
    void semaphore.downRead();
    void semaphore.downRead();
    void a.lock();
    void b.lock();
    a.unlock();
    semaphore.upRead();
    b.unlock();
    semaphore.upRead();
    expect(reports).toEqual([]);
  });

  it('forgets a lock whose wait was aborted', async () => {
    const { a, b } = locks();
    a.tryLock(); // while nobody watches: as if another agent held it
    const reports = watch();
    const controller = new AbortController();
    const waited = a.lock(controller.signal);
    controller.abort(new Error('enough'));
    await expect(waited).rejects.toThrow('enough');
    void b.lock();
    b.unlock();
    expect(reports).toEqual([]);
    a.unlock();
    expect(kindsOf(reports)).toEqual(['stranger-unlock']);
  });

  it('knows the holder after a wait', async () => {
    const { a, b } = locks();
    const tasks = new AsyncLocalStorage<string>();
    const reports = watch({ currentTask: () => tasks.getStore() });
    await tasks.run('holder', () => a.lock());
    const waited = tasks.run('waiter', async () => {
      await b.lock();
      await a.lock();
      a.unlock();
      b.unlock();
    });
    await turns(5);
    tasks.run('holder', () => a.unlock());
    await finished(waited);
    expect(reports).toEqual([]);
  });

  it('tells interleaved tasks apart when it is told who is running', async () => {
    const { a, b, c } = locks();
    const tasks = new AsyncLocalStorage<string>();
    const reports = watch({ currentTask: () => tasks.getStore() });
    // a before b before c: each task holds two of the three, all at once.
    await finished(
      Promise.all([
        tasks.run('one', () => holdBoth(a, b)),
        tasks.run('two', () => holdBoth(b, c)),
        tasks.run('three', () => holdBoth(a, c)),
        tasks.run('four', () => holdBoth(a, b)),
      ]),
    );
    expect(reports).toEqual([]);
    await tasks.run('five', () => holdBoth(c, a));
    expect(kindsOf(reports)).toEqual(['order-inversion']);
  });

  it('lets one task sleep while another is in a non-blockable section', async () => {
    const tasks = new AsyncLocalStorage<string>();
    const reports = watch({ currentTask: () => tasks.getStore() });
    tasks.run('one', nonBlockStart);
    tasks.run('two', () => mightSleep('wait'));
    expect(reports).toEqual([]);
    tasks.run('one', () => mightSleep('wait'));
    tasks.run('one', nonBlockEnd);
    expect(kindsOf(reports)).toEqual(['sleep-in-atomic']);
  });

  it('reports nothing when it is off', () => {
    const { a, b, spin } = locks();
    const reports = watch();
    disables.pop()?.();
    inOneOrder(a, b);
    inOneOrder(b, a);
    spin.lock();
    void a.lock();
    nonBlockStart();
    mightSleep('anything');
    nonBlockEnd();
    nonBlockEnd();
    a.unlock();
    spin.unlock();
    expect(reports).toEqual([]);
  });

  it('begins with an empty history', () => {
    const { a, b } = locks();
    watch();
    inOneOrder(a, b);
    disables.pop()?.();
    const reports = watch();
    inOneOrder(b, a);
    expect(reports).toEqual([]);
  });
});

describe('a blocking wait that lockdep refuses', () => {
  it('cleans up behind itself', () => {
    const region = createRegion(memories[1]!);
    const { queue } = locksIn(region);
    let looks = 0;
    disables.push(enableLockdep());
    const wait = (): void =>
      queue.waitUntilSync(() => {
        if (++looks === 2) nonBlockStart(); // the condition itself goes wrong
        return false;
      });
    expect(thrownBy(wait).message).toBe('lockdep: wait may sleep in a non-blockable section');
    nonBlockEnd();
    expect(region.load(headerWords + 9)).toBe(0);
  });
});

function inOneOrder(first: Mutex, second: Mutex): void {
  void first.lock();
  void second.lock();
  second.unlock();
  first.unlock();
}

function inTheOther(first: Mutex, second: Mutex): void {
  void second.lock();
  void first.lock();
  first.unlock();
  second.unlock();
}

async function holdBoth(first: Mutex, second: Mutex): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await first.lock();
    await turns(3);
    await second.lock();
    await turns(2);
    second.unlock();
    await turns(1);
    first.unlock();
  }
}
