/** How single waits end, what they cost the process, and what the words of a lock say meanwhile. */
import { codeOf } from '@mmu-notifier/core';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createThread,
  firstAgent,
  headerWords,
  Mutex,
  Region,
  run,
  runSync,
  RwSemaphore,
  serveWhileBlocked,
  VirtualClock,
  useClock,
  wake,
  watchDeaths,
  whileAwaitedBy,
  type Sleep,
  type Waiting,
  type WaitOutcome,
  type WaitRequest,
} from '../src/index.ts';
import { createRegion, memories } from './memories.ts';
import { isSettledSoon, turns } from './tasks.ts';
import { thrownBy } from './thrown.ts';

const index = headerWords;
const restores: (() => void)[] = [];

afterEach(() => {
  for (const restore of restores.splice(0)) restore();
});

/** One wait, and how it ended. */
function* once(request: WaitRequest): Waiting<WaitOutcome> {
  return yield request;
}

/** A watched region in shared memory, in which who sleeps looks up every `lookMs`. */
function watched(lookMs: number): Region {
  const region = createRegion(memories[1]!);
  watchDeaths(region, { graceMs: 8 * lookMs });
  return region;
}

/** How a blocking wait ends that need not begin: with an outcome, or refused with a code. */
function outcomeOf(region: Region, holder?: number, isServed = false): unknown {
  const request = { region, index, expected: 1, ...(isServed ? { isServed } : {}) };
  try {
    return runSync(once(holder === undefined ? request : { ...request, holder }));
  } catch (error) {
    return codeOf(error);
  }
}

function thrower(): never {
  throw new Error('over');
}

const forms = [
  { form: 'run', wait: (request: WaitRequest) => run(once(request)) },
  { form: 'runSync', wait: (request: WaitRequest) => runSync(once(request)) },
];

describe.each(forms)('a wait in shared memory, by $form', ({ wait }) => {
  const region = createRegion(memories[1]!);

  it.each([
    ['did not begin', { region, index, expected: 1 }, 'not-equal'],
    [
      'did not begin, though it has no time',
      { region, index, expected: 1, timeoutMs: 0 },
      'not-equal',
    ],
    [
      'did not begin, though others look up',
      { region: watched(1), index, expected: 1 },
      'not-equal',
    ],
    ['has taken its time', { region, index, expected: 0, timeoutMs: 1 }, 'timed-out'],
    [
      'has taken its time between looks',
      { region: watched(60_000), index, expected: 0, timeoutMs: 1 },
      'timed-out',
    ],
    [
      'has taken its time as it looks',
      { region: watched(1), index, expected: 0, timeoutMs: 1 },
      'timed-out',
    ],
    ['has only looked up', { region: watched(1), index, expected: 0, timeoutMs: 600_000 }, 'ok'],
    ['has only looked up, without a limit', { region: watched(1), index, expected: 0 }, 'ok'],
  ] as const)('that %s says so', async (_how, request, outcome) => {
    expect(await wait(request)).toBe(outcome);
  });
});

describe('a wait of a thread that serves', () => {
  it('looks up to serve, as long as it serves', () => {
    const region = createRegion(memories[1]!);
    let served = 0;
    const stop = serveWhileBlocked(() => void served++);
    restores.push(stop);
    expect(runSync(once({ region, index, expected: 0, timeoutMs: 600_000 }))).toBe('ok');
    expect(runSync(once({ region, index, expected: 0, timeoutMs: 600_000 }))).toBe('ok');
    expect(served).toBe(2);
    stop();
    expect(runSync(once({ region, index, expected: 0, timeoutMs: 2 }))).toBe('timed-out');
    expect(served).toBe(2);
  });

  it('serves and sleeps with functions only', () => {
    const wrong = undefined as unknown as () => void;
    expect(thrownBy(() => serveWhileBlocked(wrong)).code).toBe('MMN_OPTION');
    expect(thrownBy(() => createThread(wrong as unknown as Sleep)).code).toBe('MMN_OPTION');
  });
});

describe('a thread of its own', () => {
  it('sleeps as it is told to, and the one around it does again when its code is over', () => {
    const region = createRegion(memories[1]!);
    const slept: string[] = [];
    const [outer, inner] = ['outer', 'inner'].map((name) =>
      createThread(() => (slept.push(name), 'ok')),
    );
    const sleep = (): WaitOutcome => runSync(once({ region, index, expected: 0 }));
    outer!(() => {
      inner!(sleep);
      sleep();
      expect(() => inner!(() => thrower())).toThrow('over');
      sleep();
    });
    expect(slept).toEqual(['inner', 'outer', 'outer']);
  });
});

describe('a blocking wait for an agent', () => {
  it('is refused for what it holds itself, unless it serves meanwhile', () => {
    const region = createRegion(memories[1]!);
    expect(outcomeOf(region, region.agent)).toBe('MMN_LOCK');
    expect(outcomeOf(region, region.agent, true)).toBe('not-equal');
    expect(outcomeOf(region, region.agent + 1)).toBe('not-equal');
    expect(outcomeOf(region)).toBe('not-equal');
  });

  it('is refused while that agent waits for this one, by its number in that region or in all', () => {
    const [region, other] = [createRegion(memories[1]!), createRegion(memories[1]!)];
    const waits = (): unknown[] => [
      outcomeOf(region, 7),
      outcomeOf(region, 8),
      outcomeOf(region),
      outcomeOf(region, 7, true),
      outcomeOf(other, 7), // another agent’s number there
      outcomeOf(other, firstAgent),
    ];
    const none = waits().map(() => 'not-equal');
    expect(waits()).toEqual(none);
    const [own, ofAll] = [7, firstAgent].map((agent) => whileAwaitedBy(region, agent, waits));
    expect(own).toEqual(['MMN_LOCK', ...none.slice(1)]);
    expect(ofAll).toEqual([...none.slice(1), 'MMN_LOCK']);
    expect(waits()).toEqual(none);
  });
});

describe('a blocking wait that fails', () => {
  it('passes on what is no word of the engine’s about blocking', () => {
    const region = createRegion(memories[1]!);
    const { wait } = Atomics;
    restores.push(() => (Atomics.wait = wait));
    Atomics.wait = () => {
      throw new RangeError('something else');
    };
    expect(thrownBy(() => runSync(once({ region, index, expected: 0 })))).toEqual({
      code: undefined,
      message: 'something else',
    });
  });
});

describe('a wait in one event loop', () => {
  it('that did not begin says so, and stands in no queue', async () => {
    const region = createRegion(memories[0]!);
    expect(await run(once({ region, index, expected: 1 }))).toBe('not-equal');
    wake(region, index);
  });

  it('ends once: by its time, by a wake, or by an abort', async () => {
    const clock = new VirtualClock();
    restores.push(useClock(clock));
    const region = createRegion(memories[0]!);
    const request = { region, index, expected: 0, timeoutMs: 5 };
    const controller = new AbortController();
    const first = run(once(request));
    const second = run(once({ ...request, timeoutMs: 6 }));
    const third = run(once({ ...request, timeoutMs: Infinity }), controller.signal);
    await turns(2);
    clock.advance(5);
    expect(await first).toBe('timed-out');
    wake(region, index, 1); // for the second: the first waits no longer
    expect(await second).toBe('ok');
    clock.advance(1e9);
    expect(await isSettledSoon(third)).toBe(false);
    controller.abort(new Error('enough'));
    await expect(third).rejects.toThrow('enough');
    const fourth = run(once(request));
    await turns(2);
    wake(region, index, 1);
    expect(await fourth).toBe('ok');
  });
});

describe('plain waits in shared memory', () => {
  it('keep the process with one timer, while there are any', async () => {
    const region = createRegion(memories[1]!);
    const { setInterval, clearInterval } = globalThis;
    restores.push(() => Object.assign(globalThis, { setInterval, clearInterval }));
    const timers = new Set<unknown>();
    Object.assign(globalThis, {
      setInterval(...given: Parameters<typeof setInterval>) {
        const timer = setInterval(...given);
        expect(given[1]).toBeGreaterThan(2 ** 30);
        expect(given[1]).toBeLessThan(2 ** 31); // beyond that it would fire all the time
        timers.add(timer);
        return timer;
      },
      clearInterval(timer: NodeJS.Timeout) {
        timers.delete(timer);
        clearInterval(timer);
      },
    });
    for (let round = 0; round < 2; round++) {
      const waits = [index, index + 1].map((at) => run(once({ region, index: at, expected: 0 })));
      await turns(2);
      expect(timers.size).toBe(1);
      wake(region, index);
      await waits[0];
      expect(timers.size).toBe(1);
      wake(region, index + 1);
      await waits[1];
      expect(timers.size).toBe(0);
    }
  });
});

it.each(memories)(
  'a plain wait in $memory does not listen to its signal any more when it is over',
  async (memory) => {
    const region = createRegion(memory);
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    signal.addEventListener = (_type: string, listener: unknown) => void listeners.add(listener);
    signal.removeEventListener = (_type: string, listener: unknown) =>
      void listeners.delete(listener);
    const waited = run(once({ region, index, expected: 0 }), signal);
    await turns(2);
    expect(listeners.size).toBe(1);
    wake(region, index);
    expect(await waited).toBe('ok');
    expect(listeners.size).toBe(0);
  },
);

describe('the word of a mutex', () => {
  it.each(memories)(
    'in $memory has the number of its holder, and whether others may wait',
    async (memory) => {
      const first = createRegion(memory);
      const second = memory.shared ? Region.attach(first.memory, 'test') : first;
      expect([first.agent, second.agent]).toEqual(memory.shared ? [1, 2] : [1, 1]);
      const [mine, theirs] = [new Mutex(first, index), new Mutex(second, index)];
      theirs.lockSync();
      expect(first.load(index)).toBe(second.agent << 1);
      const waited = mine.lock();
      expect(first.load(index)).toBe((second.agent << 1) | 1);
      theirs.unlock();
      await waited;
      expect(first.load(index)).toBe((first.agent << 1) | 1);
      mine.unlock();
      expect(first.load(index)).toBe(0);
      expect(mine.tryLock()).toBe(true);
      expect(first.load(index)).toBe(first.agent << 1);
    },
  );
});

describe('the words of a rw semaphore', () => {
  it.each(memories)('in $memory count readers, or say that there is a writer', async (memory) => {
    const region = createRegion(memory);
    const semaphore = new RwSemaphore(region, index);
    const words = (): number[] => [...region.words.subarray(index, index + 2)];
    semaphore.downReadSync();
    void semaphore.downRead();
    expect(words()).toEqual([2, 0]);
    const writers = [semaphore.downWrite(), semaphore.downWrite()];
    expect(words()).toEqual([2, 2]);
    semaphore.upRead();
    semaphore.upRead();
    await Promise.race(writers);
    expect(words()).toEqual([-1, 1]);
    semaphore.upWrite();
    await Promise.all(writers);
    expect(words()).toEqual([-1, 0]);
    semaphore.upWrite();
    expect(words()).toEqual([0, 0]);
  });
});
