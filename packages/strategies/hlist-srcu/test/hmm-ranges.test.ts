/** The ranges of mm/hmm.c, and the faults that read under them. */
import { isPromise, type MaybePromise, type Seq } from '@mmu-notifier/core';
import { useClock, VirtualClock } from '@mmu-notifier/sync';
import { expect, it, onTestFinished } from 'vitest';
import {
  CollisionSequence,
  HmmFaults,
  HmmRanges,
  LockMemory,
  MarkedFaults,
  type HmmFaultOptions,
} from '../src/driver.ts';

const context = { isSync: false, signal: undefined };
const span = { start: 10, end: 20 };

function setUp(options: HmmFaultOptions = {}) {
  const clock = new VirtualClock();
  onTestFinished(useClock(clock));
  const { region, fixedAt } = new LockMemory('test', HmmRanges.words, 0);
  const ranges = new HmmRanges(region, fixedAt);
  const faults = new HmmFaults(ranges, span, options);
  const begin = (): MaybePromise<Seq> => faults.begin(context);
  const beginNow = (): Seq => {
    const seq = begin();
    if (isPromise(seq)) throw new Error('expected a seq at once, got a promise');
    return seq;
  };
  return { clock, ranges, faults, begin, beginNow };
}

it('a range is on the list while its fault is on its way, and until the next section', () => {
  const { ranges, faults, beginNow } = setUp();
  const seq = beginNow();
  ranges.start({ start: 500, end: 600 });
  ranges.end();
  expect(ranges.size).toBe(1);
  expect(faults.isHopeless(seq)).toBe(false);
  expect([faults.done(seq), faults.done(seq)]).toEqual([true, true]);
  ranges.start({ start: 500, end: 600 });
  expect(ranges.size).toBe(0);
  expect(faults.isHopeless(seq)).toBe(true);
  expect(faults.done(seq)).toBe(false);
  ranges.end();
  expect(beginNow()).not.toBe(seq);
});

it('a fault that is refused is over at once', () => {
  const { ranges, faults, beginNow } = setUp();
  const seq = beginNow();
  ranges.start(span);
  expect(faults.done(seq)).toBe(false);
  expect(ranges.size).toBe(0);
  ranges.end();
  expect(faults.done(seq)).toBe(false);
});

it('a range is used again by the next fault, if no section came in between', () => {
  const { ranges, faults, beginNow } = setUp();
  const seq = beginNow();
  expect(faults.done(seq)).toBe(true);
  expect(beginNow()).toBe(seq);
  ranges.start({ start: 500, end: 600 });
  expect(ranges.size).toBe(1); // it is on its way again
  expect(faults.done(seq)).toBe(true);
});

it('faults of one registration share a range, until the last of them is over', () => {
  const { ranges, faults, beginNow } = setUp();
  const [first, second] = [beginNow(), beginNow()];
  expect(ranges.size).toBe(1);
  expect(faults.done(first)).toBe(true);
  ranges.start(span);
  expect(faults.isHopeless(second)).toBe(false);
  expect(faults.done(second)).toBe(false);
  expect(ranges.size).toBe(0);
  expect(ranges.register(span).valid).toBe(false);
});

it('a range is invalid from a start that hits or touches it to the end that leaves no section open', () => {
  for (const [start, end, isHit] of [
    [0, 9, false],
    [0, 10, true], // touches: the kernel’s comparison is off by one, on this side only
    [19, 30, true],
    [20, 30, false],
  ] as const) {
    const { ranges, beginNow, faults } = setUp();
    const seq = beginNow();
    const [range] = [ranges.register(span)];
    ranges.start({ start, end });
    ranges.start({ start: 500, end: 600 });
    ranges.end();
    expect(range.valid).toBe(!isHit);
    ranges.end();
    expect(range.valid).toBe(true);
    expect(faults.done(seq)).toBe(true); // HMM-1
  }
});

it('a fault that begins in a section, wherever it is, waits until none is open', async () => {
  const { ranges, faults, begin } = setUp();
  ranges.start({ start: 500, end: 600 });
  ranges.start({ start: 700, end: 800 });
  const read = begin();
  ranges.end();
  expect(isPromise(read)).toBe(true);
  expect(ranges.size).toBe(1);
  ranges.end();
  expect(faults.done(await read)).toBe(true);
  expect(ranges.size).toBe(1);
});

it('a fault whose range was hit again before it went on is refused', async () => {
  const { ranges, faults, begin } = setUp();
  ranges.start(span);
  const read = begin();
  ranges.end();
  ranges.start(span);
  const seq = await read;
  ranges.end();
  expect(faults.isHopeless(seq)).toBe(true);
  expect(faults.done(seq)).toBe(false);
  expect(faults.timeouts).toBe(0);
  expect(ranges.size).toBe(0);
});

it('joins the faults that have begun when its wait is over', async () => {
  const { ranges, faults, begin, beginNow } = setUp();
  const first = beginNow();
  ranges.start({ start: 500, end: 600 });
  const read = begin();
  expect(ranges.size).toBe(2);
  ranges.end();
  expect(await read).toBe(first);
  expect(ranges.size).toBe(1);
  expect(faults.done(first)).toBe(true);
  ranges.start({ start: 500, end: 600 });
  expect(ranges.size).toBe(1); // for the second
  expect(faults.done(first)).toBe(true);
  ranges.start({ start: 500, end: 600 });
  expect(faults.done(first)).toBe(false);
});

it.each([
  [false, { timeoutMs: 50 }],
  [false, { timeoutMs: 50, leavesTimedOut: false }],
  [true, { timeoutMs: 50, leavesTimedOut: true }],
])(
  'a wait that takes too long is refused; leaves its range: %s, with %o',
  async (leavesTimedOut, options) => {
    const { clock, ranges, faults, begin } = setUp(options);
    ranges.start({ start: 500, end: 600 });
    const read = begin();
    clock.advance(49);
    expect(faults.timeouts).toBe(0);
    clock.advance(1);
    expect(faults.done(await read)).toBe(false);
    expect(faults.timeouts).toBe(1);
    expect(ranges.size).toBe(leavesTimedOut ? 1 : 0);
  },
);

it('a wait takes a second at most, if nobody says otherwise', async () => {
  const { clock, ranges, faults, begin } = setUp();
  ranges.start({ start: 500, end: 600 });
  const read = begin();
  clock.advance(999);
  await undefined;
  expect(faults.timeouts).toBe(0);
  clock.advance(1);
  expect(faults.done(await read)).toBe(false);
  expect(faults.timeouts).toBe(1);
});

it('a fault that waited too long is refused, though those that began before it are not', async () => {
  const { clock, ranges, faults, begin, beginNow } = setUp({ timeoutMs: 50 });
  const first = beginNow();
  ranges.start({ start: 500, end: 600 });
  const read = begin();
  clock.advance(50);
  const late = await read;
  expect(faults.isHopeless(late)).toBe(true);
  expect(faults.done(late)).toBe(false);
  expect(faults.done(first)).toBe(true);
});

it('a wait that is given up, or whose registration goes, leaves nothing', async () => {
  const { ranges, faults, begin } = setUp({ leavesTimedOut: true });
  ranges.start(span);
  const abort = new AbortController();
  const aborted = faults.begin({ isSync: false, signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  expect(ranges.size).toBe(0);
  const read = begin();
  faults.close();
  expect(faults.done(await read)).toBe(false);
  expect(ranges.size).toBe(0);
  expect(() => faults.begin({ isSync: true, signal: undefined })).toThrow(/without waiting/);
  expect(ranges.size).toBe(0);
});

it('closing takes away the range of a fault that was given up; an abandoned wait ends', async () => {
  const { ranges, faults, begin, beginNow } = setUp();
  beginNow();
  faults.close();
  expect(ranges.size).toBe(0);
  ranges.start(span);
  const read = begin();
  ranges.abandon();
  expect(faults.done(await read)).toBe(false);
});

it('a fault with a mark is refused for ever once a section hit it, and waits for its end', async () => {
  const { region, fixedAt } = new LockMemory('test', CollisionSequence.words, 0);
  const sequence = new CollisionSequence(region, fixedAt);
  let closed = 0;
  const faults = new MarkedFaults(span, sequence, () => void closed++);
  const seq = faults.begin(context) as Seq;
  expect([faults.isHopeless(seq), faults.done(seq)]).toEqual([false, true]);
  sequence.enter();
  faults.hit();
  const read = faults.begin(context);
  expect(isPromise(read)).toBe(true);
  const late = new MarkedFaults(span, sequence); // a section may have looked for it in vain
  expect(isPromise(late.begin(context))).toBe(true);
  sequence.leave();
  expect([faults.isHopeless(seq), faults.done(seq)]).toEqual([true, false]);
  expect(faults.done(await read)).toBe(true);
  faults.close();
  expect(closed).toBe(1);
});
