/** Virtual time, delays and back-off. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  delay,
  exponentialBackoff,
  nowMs,
  startTimer,
  useClock,
  VirtualClock,
} from '../src/index.ts';
import { thrownBy } from './thrown.ts';

const restores: (() => void)[] = [];

function virtualClock(): VirtualClock {
  const clock = new VirtualClock();
  restores.push(useClock(clock));
  return clock;
}

afterEach(() => {
  for (const restore of restores.splice(0).toReversed()) restore();
});

describe('VirtualClock', () => {
  it('fires what is due in order of time, each at its own time, and ties in order of start', () => {
    const clock = virtualClock();
    const fired: [string, number][] = [];
    for (const [name, delayMs] of [
      ['c', 30],
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['late', 41],
    ] as const) {
      startTimer(delayMs, () => fired.push([name, nowMs()]));
    }
    clock.advance(40);
    expect(fired).toEqual([
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['c', 30],
    ]);
    expect(nowMs()).toBe(40);
  });

  it('fires timers that timers start, if they are due too', () => {
    const clock = virtualClock();
    const firedMs: number[] = [];
    startTimer(10, () => startTimer(5, () => firedMs.push(nowMs())));
    clock.advance(14);
    expect(firedMs).toEqual([]);
    clock.advance(1);
    expect(firedMs).toEqual([15]);
  });

  it('does not fire what was cancelled, even by a timer of the same time', () => {
    const clock = virtualClock();
    const fired: string[] = [];
    startTimer(10, () => second.cancel());
    const second = startTimer(10, () => fired.push('second'));
    clock.advance(100);
    expect(fired).toEqual([]);
  });

  it('gives the former clock back', () => {
    const clock = virtualClock();
    clock.advance(5);
    const restore = useClock(new VirtualClock());
    expect(nowMs()).toBe(0);
    restore();
    expect(nowMs()).toBe(5);
  });
});

describe('the real clock', () => {
  it('fires a timer, and not one that was cancelled', async () => {
    const fired: string[] = [];
    await new Promise<void>((resolve) => {
      const cancelled = startTimer(0, () => fired.push('cancelled'));
      startTimer(0, () => fired.push('fired'));
      startTimer(1, resolve);
      cancelled.cancel();
    });
    expect(fired).toEqual(['fired']);
  });

  it('does not fire at once what is far away', async () => {
    const fired: string[] = [];
    const far = startTimer(2 ** 40, () => fired.push('far'));
    await new Promise<void>((resolve) => void startTimer(2, resolve));
    far.cancel();
    expect(fired).toEqual([]);
  });
});

describe('what is no time, no function and no clock', () => {
  const no = undefined as never;

  it.each<[string, () => unknown]>([
    ['a delay before now', () => startTimer(-1, () => {})],
    ['a delay that is no number', () => startTimer('1' as never, () => {})],
    ['a delay of NaN', () => startTimer(NaN, () => {})],
    ['a timer that does nothing', () => startTimer(0, no)],
    ['a clock that goes back', () => new VirtualClock().advance(-1)],
    ['a clock without timers', () => useClock({ nowMs: () => 0 } as never)],
    ['a shortest back-off before now', () => exponentialBackoff({ delayMsMin: -1 })],
    ['a longest back-off before now', () => exponentialBackoff({ delayMsMax: -1 })],
    ['a back-off with a number for chance', () => exponentialBackoff({ random: 4 as never })],
  ])('%s is refused', (_what, act) => {
    expect(thrownBy(act).code).toBe('MMN_OPTION');
  });
});

describe('delay', () => {
  it('resolves when its time has come', async () => {
    const clock = virtualClock();
    let isOver = false;
    const delayed = delay(10).then(() => (isOver = true));
    clock.advance(9);
    await undefined;
    expect(isOver).toBe(false);
    clock.advance(1);
    expect(await delayed).toBe(true);
  });

  it('rejects with the reason when aborted, before and during', async () => {
    const clock = virtualClock();
    const reason = new Error('enough');
    await expect(delay(10, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const delayed = delay(10, controller.signal);
    clock.advance(5);
    controller.abort(reason);
    await expect(delayed).rejects.toBe(reason);
  });

  it('leaves no timer behind when aborted', async () => {
    let timers = 0;
    const startTimer = () => {
      timers++;
      return { cancel: () => void timers-- };
    };
    restores.push(useClock({ nowMs: () => 0, startTimer }));
    const controller = new AbortController();
    const delayed = delay(10, controller.signal);
    expect(timers).toBe(1);
    controller.abort(new Error('enough'));
    await expect(delayed).rejects.toThrow('enough');
    expect(timers).toBe(0);
  });
});

describe('exponentialBackoff', () => {
  it('waits at most 1 ms after the first attempt and 100 ms after any, unless told otherwise', async () => {
    const clock = virtualClock();
    const backoff = exponentialBackoff({ random: () => 1 });
    for (const [attempt, delayMs] of [
      [1, 1],
      [50, 100],
    ] as const) {
      const backedOff = backoff(attempt);
      clock.advance(delayMs);
      await expect(backedOff).resolves.toBeUndefined();
    }
  });

  it.each([
    [1, 2],
    [2, 4],
    [3, 8],
    [4, 16],
    [5, 20],
    [2000, 20],
  ])('waits after attempt %i at most %i ms', async (attempt, delayMs) => {
    const clock = virtualClock();
    const backoff = exponentialBackoff({ delayMsMin: 2, delayMsMax: 20, random: () => 1 });
    let isOver = false;
    const backedOff = backoff(attempt).then(() => (isOver = true));
    clock.advance(delayMs - 1);
    await undefined;
    expect(isOver).toBe(false);
    clock.advance(1);
    expect(await backedOff).toBe(true);
  });

  it('takes a random part of the bound', async () => {
    const clock = virtualClock();
    const backedOff = exponentialBackoff({ delayMsMin: 100, random: () => 0.25 })(1);
    clock.advance(25);
    await expect(backedOff).resolves.toBeUndefined();
  });

  it('stops when aborted', async () => {
    virtualClock();
    const controller = new AbortController();
    const backedOff = exponentialBackoff()(3, controller.signal);
    controller.abort(new Error('enough'));
    await expect(backedOff).rejects.toThrow('enough');
  });
});
