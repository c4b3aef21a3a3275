/** The sequence number near its carries: the words are written there, since nobody waits for 2^31 sections. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { Sub, subAt } from '../src/layout.ts';
import { interval } from '../src/variants.ts';
import { begin, isPending, kinds, publish, World } from './world.ts';

/** An idle address space's number, by its two words, a few epochs before something turns over. */
const places = [
  ['the sign of the low word', 0, 2 ** 31 - 4],
  ['the carry of the low word', 0, -4],
  ['a carry with a high word', 7, -4],
  ['the sign, with a high word', 7, 2 ** 31 - 4],
  ['the last high word', 2 ** 21 - 2, -4],
] as const;

describe.each(kinds)('the sequence number in %s', (kind) => {
  describe.each(places)('at %s', (_, high, low) => {
    it('[Q1] R1, R2 and R3 hold', async () => {
      const world = new World(kind);
      world.setSeq(high, low);
      const { subscription } = world.recorder(0, 10);
      const other = world.recorder(20, 30);
      let last = -1;
      for (let epoch = 0; epoch < 6; epoch++) {
        const seq = begin(subscription);
        expect(Number.isSafeInteger(seq)).toBe(true);
        expect(seq).toBeGreaterThan(last);
        last = seq;
        world.invalidate(20, 30);
        expect(subscription.checkRetry(seq)).toBe(false);
        expect(publish(subscription, seq)).toBe(true);
        const end = world.start(0, 10);
        expect(subscription.checkRetry(seq)).toBe(true);
        const read = subscription.readBegin();
        expect(await isPending(read)).toBe(true);
        expect(publish(other.subscription, begin(other.subscription))).toBe(true);
        world.verify();
        end();
        expect(publish(subscription, await read)).toBe(true);
        expect(publish(subscription, seq)).toBe(false);
        world.verify();
      }
      expect(other.calls).toHaveLength(6);
    });

    it('[Q1] D1, D2 and closing hold', async () => {
      const world = new World(kind);
      world.setSeq(high, low);
      for (let epoch = 0; epoch < 6; epoch++) {
        const idle = world.recorder(0, 10);
        expect(publish(idle.subscription, begin(idle.subscription))).toBe(true);
        const endPartial = world.start(50, 60);
        const partial = world.recorder(0, 10);
        const full = world.recorder(0, 10);
        const reads = [partial.subscription.readBegin(), full.subscription.readBegin()];
        const closed = idle.subscription.close();
        expect(await isPending(reads[0])).toBe(true);
        expect(await isPending(reads[1])).toBe(true);
        expect(await isPending(closed)).toBe(true);
        world.verify();
        endPartial();
        await closed;
        expect(publish(partial.subscription, (await reads[0])!)).toBe(true);
        expect(publish(full.subscription, (await reads[1])!)).toBe(true);
        await partial.subscription.close();
        await full.subscription.close();
        world.verify();
      }
    });
  });

  it('[Q2] has 53 bits: what was read 2^31 epochs ago is refused, although the low word is the same again', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    world.invalidate(0, 10);
    const seq = begin(subscription);
    world.setSeq(1, world.words.seqLow - 2);
    world.invalidate(0, 10);
    const again = begin(subscription);
    expect(again | 0).toBe(seq | 0);
    expect(again).not.toBe(seq);
    expect(subscription.checkRetry(seq)).toBe(false); // a false hint says nothing
    expect(publish(subscription, seq)).toBe(false);
    expect(publish(subscription, again)).toBe(true);
  });

  it('[Q2] a subscription made at the carry gets the odd number before it', () => {
    const world = new World(kind);
    world.setSeq(1, 0);
    const { subscription } = world.recorder(0, 10);
    expect(begin(subscription)).toBe(2 ** 32 - 1);
    world.invalidate(0, 10);
    expect(begin(subscription)).toBe(2 ** 32 + 1);
    world.verify();
  });

  it('[Q1] closing at the carry waits for the epoch that has hit it, and for no other', async () => {
    const world = new World(kind);
    const [one, other] = [world.subscribe(0, 10), world.subscribe(0, 10)];
    world.setSeq(1, 0);
    const idle = world.subscribe(0, 10);
    expect(idle.lock.tryLock()).toBe(true);
    const closed = idle.close();
    idle.lock.unlock();
    await closed;
    one.closeSync();
    const end = world.start(0, 10);
    expect(world.words.seqLow).toBe(1);
    const closing = other.close();
    expect(await isPending(closing)).toBe(true);
    end();
    await closing;
    world.verify();
  });

  it('[Q2] a number is never given twice over a run of epochs', () => {
    const world = new World(kind);
    world.setSeq(0, -2000);
    const { subscription } = world.recorder(0, 10);
    const seen = new Set<number>();
    for (let epoch = 0; epoch < 2000; epoch++) {
      world.invalidate(0, 10);
      const seq = begin(subscription);
      expect(seen.has(seq)).toBe(false);
      seen.add(seq);
    }
    expect(world.words.seqHigh).toBe(1);
  });
});

/** Calls `act` once, after the next atomic access of this kind to this word, before who made it goes on. */
function afterNext(name: 'load' | 'store', word: number, act: () => void): () => boolean {
  const original = Atomics[name] as (words: Int32Array, index: number, value: number) => number;
  const put = (access: unknown): unknown => Object.assign(Atomics, { [name]: access });
  let happened = false;
  put((words: Int32Array, index: number, value: number) => {
    const result = original.call(Atomics, words, index, value);
    if (index === word && !happened) {
      happened = true;
      act();
    }
    return result;
  });
  onTestFinished(() => void put(original));
  return () => happened;
}

/** Two agents on a subscription whose number is the last before the carry. */
function atTheCarry(variant = 'landed') {
  const world = new World('shared-memory', { variant });
  world.setSeq(0, -2);
  const { subscription } = world.recorder(0, 10);
  world.invalidate(0, 10);
  const before = begin(subscription);
  expect(before).toBe(2 ** 32 - 1);
  const there = interval.attach(world.notifier.memory);
  const at = subAt(subscription.id);
  return { world, state: there.state, subscription, id: subscription.id, at, before };
}

describe('a torn read of the sequence number', () => {
  it('[Q1] of who reads while it is written gives one from the past', () => {
    const { world, state, id, at } = atTheCarry();
    const happened = afterNext('load', at + Sub.seqHigh, () => world.invalidate(0, 10));
    const seq = state.loadSeq(id);
    expect(happened()).toBe(true);
    expect(seq).toBe(1);
    expect(state.loadSeq(id)).toBe(2 ** 32 + 1);
  });

  it('[Q1] so does it when it is written while somebody reads', () => {
    const { world, state, id, at, before } = atTheCarry();
    const seen: number[] = [];
    const happened = afterNext('store', at + Sub.seqLow, () => seen.push(state.loadSeq(id)));
    world.invalidate(0, 10);
    expect(happened()).toBe(true);
    expect(seen).toEqual([1]);
    expect(seen[0]).toBeLessThan(before);
    expect(state.loadSeq(id)).toBe(2 ** 32 + 1);
  });

  it('[Q1] of v1, which writes without the driver’s lock, is one with the lock held, too', () => {
    const { world, subscription, at, before } = atTheCarry('v1');
    const happened = afterNext('load', at + Sub.seqHigh, () => world.invalidate(0, 10));
    expect(subscription.readRetry(before)).toBe(true);
    expect(happened()).toBe(true);
  });
});
