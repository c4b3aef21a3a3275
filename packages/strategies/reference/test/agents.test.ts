/** Real agents: worker threads over one SharedArrayBuffer. Bounded by counts of operations, not by time. */
import { describe, expect, it } from 'vitest';
import {
  At,
  createShared,
  pages,
  startAgent,
  untilReady,
  wrongEntries,
  type Shared,
} from './agents.ts';
import { begin, codeOfCall, isPending, now, publish } from './world.ts';

/** The main thread's subscription of device `cookie`, or, with ops 1, of nothing. */
function subscribe({ notifier }: Shared, cookie = 0, ops = 0) {
  return now(notifier.subscribe({ start: 0, end: pages }, ops, { cookie }));
}

describe('agents', { timeout: 60_000 }, () => {
  it('[S1] [R2] the agent that invalidates runs the callback of another’s subscription', async () => {
    const shared = createShared(4);
    const subscription = subscribe(shared, 3);
    const seq = begin(subscription);
    await startAgent('invalidate', shared);
    expect(shared.board.load(At.calls)).toBe(1);
    expect(publish(subscription, seq)).toBe(false);
    shared.notifier.verify();
  });

  it('[S1] [S5] [R2] no entry is ever stale: two invalidate, two fault, one subscribes and closes', async () => {
    const shared = createShared(16);
    const sizes = { agents: 5, operations: 1_500 };
    await Promise.all([
      startAgent('invalidate', shared, { ...sizes, agent: 0 }),
      startAgent('invalidate', shared, { ...sizes, agent: 1 }),
      startAgent('fault', shared, { ...sizes, agent: 2 }),
      startAgent('fault', shared, { ...sizes, agent: 3 }),
      startAgent('churn', shared, { ...sizes, agent: 4 }),
    ]);
    expect(wrongEntries(shared.board)).toBe(0);
    expect(shared.board.load(At.calls)).toBe(2 * sizes.operations * 2);
    shared.notifier.verify();
  });

  it('[N1] [N2] [R2] non-blockable sections of two, faults of a third', async () => {
    const shared = createShared(4);
    const sizes = { agents: 3, operations: 2_000 };
    const [one, two] = await Promise.all([
      startAgent('tryInvalidate', shared, { ...sizes, agent: 0 }),
      startAgent('tryInvalidate', shared, { ...sizes, agent: 1 }),
      startAgent('fault', shared, { ...sizes, agent: 2 }),
    ]);
    expect(one + two).toBeGreaterThan(0);
    expect(wrongEntries(shared.board)).toBe(0);
    shared.notifier.verify();
  });

  it('a full region: agents fight for the last records, and none is lost', async () => {
    const shared = createShared(6);
    const sizes = { agents: 2, operations: 30_000 };
    const full = await Promise.all([
      startAgent('churn', shared, { ...sizes, agent: 0 }),
      startAgent('churn', shared, { ...sizes, agent: 1 }),
    ]);
    expect(full[0] + full[1]).toBeGreaterThan(0);
    expect(wrongEntries(shared.board)).toBe(0);
    for (let i = 0; i < 6; i++) subscribe(shared);
    expect(codeOfCall(() => subscribe(shared))).toBe('MMN_OUT_OF_CAPACITY');
    shared.notifier.verify();
  });

  it('[R1] a worker that blocks in readBeginSync is woken by the main thread’s end', async () => {
    const shared = createShared(4);
    const { notifier, board } = shared;
    const section = now(notifier.invalidateRangeStart({ start: 0, end: 1 }));
    const read = startAgent('readOnce', shared);
    await untilReady(board, 1);
    expect(await isPending(read)).toBe(true);
    now(notifier.invalidateRangeEnd(section));
    expect(await read).toBe(1);
    notifier.verify();
  });

  it('[U1] [R1] a close and a read of the main thread wait for a worker’s callback and end', async () => {
    const shared = createShared(4);
    const [closing, reading] = [subscribe(shared, 0, 1), subscribe(shared)];
    const agent = startAgent('stuckCallback', shared);
    await untilReady(shared.board, 1);
    const [closed, read] = [closing.close(), reading.readBegin()];
    for (const waiting of [closed, read]) expect(await isPending(waiting)).toBe(true);
    shared.board.store(At.stop, 1);
    await closed;
    expect(publish(reading, await read)).toBe(true);
    await agent;
    shared.notifier.verify();
  });

  it('[L1] nothing is left or published after a release, by whoever was on its way', async () => {
    const shared = createShared(4);
    const agents = [0, 1].map((agent) =>
      startAgent('faultUntilReleased', shared, { agents: 2, agent }),
    );
    await untilReady(shared.board, 2);
    for (let i = 0; i < 50; i++) {
      const section = await shared.notifier.invalidateRangeStart({ start: 0, end: 3 });
      now(shared.notifier.invalidateRangeEnd(section));
    }
    await shared.notifier.release();
    shared.board.add(At.stop, 1);
    expect(await Promise.all(agents)).toEqual([0, 0]);
    shared.notifier.verify();
  });
});
