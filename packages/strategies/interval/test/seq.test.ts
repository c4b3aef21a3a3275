/** The sequence number near its carries: the words are written there, since nobody waits for 2^31 sections. */
import { describe, expect, it } from 'vitest';
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
