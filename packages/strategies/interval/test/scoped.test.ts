/** What only the variant `scoped` promises, beside what landed does. That the others hold is conformance.test.ts's. */
import { describe, expect, it } from 'vitest';
import { Sub, subAt } from '../src/layout.ts';
import { thrownBy } from './thrown.ts';
import { begin, gate, isPending, kinds, now, publish, Recorder, World } from './world.ts';

/** Sections elsewhere that overlap each other, so that one is open at every moment. */
function overlap(world: World, times: number): () => void {
  let end = world.start(100, 110);
  for (let i = 0; i < times; i++) {
    const next = world.start(100, 110);
    end();
    end = next;
  }
  return end;
}

const scoped = { variant: 'scoped' };

describe.each(kinds)('scoped in %s', (kind) => {
  it('[U-10] a reader waits for the section that hit it, and not for others that overlap that', async () => {
    for (const [variant, waitsOn] of [
      ['landed', true],
      ['scoped', false],
    ] as const) {
      const world = new World(kind, { variant });
      const { subscription } = world.recorder(0, 10);
      const end = world.start(5, 6);
      const read = subscription.readBegin();
      expect(await isPending(read)).toBe(true);
      const endOthers = overlap(world, 3);
      end();
      expect(await isPending(read)).toBe(waitsOn);
      endOthers();
      expect(publish(subscription, await read)).toBe(true);
      world.verify();
    }
  });

  it('[U-10] a closer waits for callbacks, and not for sections', async () => {
    for (const [variant, waitsOn] of [
      ['landed', true],
      ['scoped', false],
    ] as const) {
      const world = new World(kind, { variant });
      const { subscription } = world.recorder(0, 10);
      const end = world.start(5, 6);
      const closed = Promise.resolve(subscription.close());
      expect(await isPending(closed)).toBe(waitsOn);
      end();
      await closed;
      world.verify();
    }
  });

  it('[U1] a closer waits for every callback that is on its way', async () => {
    const world = new World(kind, scoped);
    world.recorder(2 ** 52 + 1, 2 ** 52 + 3); // whose record is beside
    const { subscription, ops } = world.recorder(0, 10);
    const { promise, open } = gate();
    ops.act = () => promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    open();
    const invalidation = await started;
    await closed;
    world.verify();
    now(world.notifier.invalidateRangeEnd(invalidation));
    world.verify();
  });

  it('[L1] [U1] a closer waits for the callbacks of a release, also before its turn', async () => {
    const world = new World(kind, scoped);
    const { promise, open } = gate();
    const first = world.recorder(0, 10);
    const second = world.recorder(20, 30);
    first.ops.act = () => promise;
    const released = world.notifier.release();
    const closed = second.subscription.close();
    expect(await isPending(closed)).toBe(true);
    world.verify();
    open();
    await released;
    await closed;
    expect(second.calls).toMatchObject([{ event: 'RELEASE' }]);
    now(first.subscription.close());
    world.verify();
  });

  it('what was prepared and not inserted is closed when its lock is free', async () => {
    const world = new World(kind, scoped);
    const subscription = world.notifier.prepare(world.opsFor(new Recorder()));
    expect(subscription.lock.tryLock()).toBe(true);
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    world.verify();
    subscription.lock.unlock();
    await closed;
    world.verify();
  });

  it('a subscription made beside open sections is called by the next one, and reads if none overlaps it', () => {
    const world = new World(kind, scoped);
    world.recorder(100, 110);
    const end = world.start(100, 110);
    const { subscription, calls } = world.recorder(0, 10);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.invalidate(5, 6);
    expect(calls).toHaveLength(1);
    end();
    world.verify();
  });

  it('[D2] a subscription made within a section over it waits for that', async () => {
    const world = new World(kind, scoped);
    const end = world.start(0, 10);
    const { subscription, calls } = world.recorder(5, 15);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
    expect(calls).toEqual([]);
    world.verify();
  });

  it.each([
    { side: 'first', hit: { start: 0, end: 11 }, missed: { start: 0, end: 10 } },
    { side: 'last', hit: { start: 19, end: 30 }, missed: { start: 20, end: 30 } },
  ])(
    '[R1] a read waits for a section over its $side address, and not beside it',
    async ({ hit, missed }) => {
      const world = new World(kind, scoped);
      const { subscription } = world.recorder(10, 20);
      const endOther = world.start(missed.start, missed.end);
      expect(publish(subscription, begin(subscription))).toBe(true);
      const end = world.start(hit.start, hit.end);
      const read = subscription.readBegin();
      expect(await isPending(read)).toBe(true);
      end();
      expect(publish(subscription, await read)).toBe(true);
      endOther();
    },
  );

  it('[R2] who waited for one section is refused if a later one hit it meanwhile', async () => {
    const world = new World(kind, scoped);
    const { subscription } = world.recorder(0, 10);
    const endFirst = world.start(0, 5);
    const read = subscription.readBegin();
    const endSecond = world.start(5, 10);
    endFirst();
    const seq = await read;
    expect(publish(subscription, seq)).toBe(false);
    endSecond();
    expect(publish(subscription, seq)).toBe(false);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('has room for 1024 open sections, and loses none of the room', () => {
    const world = new World(kind, scoped);
    const { calls, subscription } = world.recorder(0, 10);
    const ends = Array.from({ length: 1024 }, () => world.start(50, 60));
    expect(thrownBy(() => world.start(0, 10))).toMatchObject({
      code: 'MMN_OUT_OF_CAPACITY',
      message: 'expected at most 1024 open sections in an address space, got one more',
    });
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(calls).toEqual([]);
    world.verify();
    ends.pop()!();
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    for (const end of ends) end();
    world.verify();
  });

  it('[S1] a section that hits some of whom the one before did not reach calls them all', () => {
    const world = new World(kind, scoped);
    const [, , refusing, behind] = [
      world.recorder(0, 5),
      world.recorder(1, 5),
      world.recorder(2, 20),
      world.recorder(15, 20),
    ];
    refusing.ops.act = ({ blockable }) => blockable;
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 5 })).toBe(undefined);
    world.invalidate(15, 20);
    expect([refusing, behind].map(({ calls }) => calls.length)).toEqual([2, 1]);
  });

  it('[L1] a release where no record is free tells those who are there, and nobody else', async () => {
    const world = new World(kind, { ...scoped, capacity: 1 });
    const { calls } = world.recorder(0, 10);
    const ends = [world.start(50, 60), world.start(50, 60)];
    await world.notifier.release();
    expect(calls).toHaveLength(1);
    for (const end of ends) end();
    world.verify();
  });

  it('a subscription keeps its range, whoever subscribes after it', () => {
    const world = new World(kind, scoped);
    const start = 2 ** 52 + 1;
    const { subscription } = world.recorder(start, start + 1);
    world.recorder(0, 10);
    const end = world.start(start - 1, start);
    expect(publish(subscription, begin(subscription))).toBe(true);
    end();
  });

  it('a second section of the same agent, within a callback of the first, calls its own hits only', () => {
    const world = new World(kind, scoped);
    const inner = world.recorder(20, 30);
    const outer = world.recorder(0, 10);
    const last = world.recorder(5, 10);
    outer.ops.act = () => void world.invalidate(20, 30);
    world.invalidate(0, 10);
    expect([inner, outer, last].map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    world.verify();
  });

  it.each([
    ['the sign', 2 ** 31 - 5, 0],
    ['the carry', -5, 0],
    ['the carry with a high word', -5, 7],
  ])('[Q1] a subscription’s own number grows over %s', (_, low, high) => {
    const world = new World(kind, scoped);
    const { subscription } = world.recorder(0, 10);
    const { words } = world.notifier.state.region;
    const at = subAt(subscription.id);
    words[at + Sub.seqLow] = low;
    words[at + Sub.seqHigh] = high;
    let last = begin(subscription);
    for (let section = 0; section < 6; section++) {
      world.invalidate(0, 10);
      const seq = begin(subscription);
      expect(seq).toBe(last + 2);
      expect(publish(subscription, last)).toBe(false);
      expect(publish(subscription, seq)).toBe(true);
      last = seq;
      world.verify();
    }
  });

  it('a driver that locks for itself notes its hits in a section, and nowhere else', () => {
    const world = new World(kind, scoped);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    expect(thrownBy(() => subscription.setSeq()).code).toBe('MMN_NOT_OPEN');
    expect(publish(subscription, seq)).toBe(true);
    const end = world.start(50, 60);
    subscription.setSeq();
    expect(publish(subscription, seq)).toBe(false);
    end();
    expect(thrownBy(() => subscription.setSeq()).code).toBe('MMN_NOT_OPEN');
    world.verify();
  });

  it('numbers of a record go on when it is used again', () => {
    const world = new World(kind, scoped);
    const first = world.recorder(0, 10).subscription;
    const seq = begin(first);
    now(first.close());
    const second = world.recorder(0, 10).subscription;
    expect(second.id).toBe(first.id);
    expect(publish(second, seq)).toBe(false);
  });
});

describe('scoped memory', () => {
  it('grows with sections open, whose table moves', async () => {
    const world = new World('event-loop', { variant: 'scoped', capacity: 1 });
    const { subscription, calls } = world.recorder(0, 10);
    const ends = Array.from({ length: 1000 }, () => world.start(1, 10));
    const read = subscription.readBegin();
    for (let i = 0; i < 40; i++) {
      const made = world.subscribe(10 + i, 11 + i, new Recorder());
      expect(publish(made, begin(made))).toBe(true);
    }
    world.verify();
    expect(await isPending(read)).toBe(true);
    for (const end of ends) end();
    expect(publish(subscription, await read)).toBe(true);
    world.invalidate(5, 6);
    expect(calls).toHaveLength(1001);
    world.verify();
  });
});
