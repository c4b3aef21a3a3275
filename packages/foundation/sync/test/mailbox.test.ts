/** Callbacks on the agent that owns them. Real agents, bounded by counts. */
import { codeOf, type InvalidationEvent, type InvalidationRange } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { spawnAgent, type Agent } from '../src/agents.ts';
import { Mailbox, Mutex, type Region } from '../src/index.ts';
import { At, createRegion, type Data } from './mailbox.layout.ts';

function start(
  job: Data['job'],
  region: Region,
  index = 0,
  operations = 1,
): Agent & { readonly sum: Promise<unknown> } {
  let arrived: (message: unknown) => void;
  const sum = new Promise((resolve) => (arrived = resolve));
  const data: Data = { job, memory: region.memory as SharedArrayBuffer, index, operations };
  const agent = spawnAgent(new URL('./mailbox.worker.ts', import.meta.url), {
    data,
    regions: [region],
    onMessage: (message) => arrived(message),
  });
  return Object.assign(agent, { sum });
}

async function untilReady(region: Region, count: number): Promise<void> {
  while (region.load(At.ready) < count) await new Promise((resolve) => setImmediate(resolve));
}

function rangeOf(
  startAt: number,
  event: InvalidationEvent = 'CLEAR',
  blockable = true,
): InvalidationRange {
  return { start: startAt, end: startAt + 1, event, blockable, owner: undefined };
}

async function failure(act: () => unknown): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    return [codeOf(error), (error as Error).message];
  }
}

describe('a mailbox', { timeout: 30_000 }, () => {
  it('[M1] runs a callback on its owner, once, and brings the answer', async () => {
    const region = createRegion();
    const owner = start('owner', region);
    await untilReady(region, 1);
    const mailbox = new Mailbox(region, At.boxes, { blocks: false });
    const cookie = region.load(At.cookies);
    expect(await mailbox.ops.invalidate(rangeOf(5), cookie)).toBe(true);
    expect(await mailbox.ops.invalidate(rangeOf(13), cookie)).toBe(false);
    region.store(At.stop, 1);
    expect(await owner.sum).toBe(18);
  });

  it('says "would block" of another agent in a section that must not block', async () => {
    const region = createRegion();
    const owner = start('owner', region);
    await untilReady(region, 1);
    const mailbox = new Mailbox(region, At.boxes, { blocks: true });
    const cookie = region.load(At.cookies);
    expect(mailbox.ops.invalidate(rangeOf(5, 'CLEAR', false), cookie)).toBe(false);
    region.store(At.stop, 1);
    expect(await owner.sum).toBe(0);
    const own = mailbox.own({ invalidate: () => true });
    expect(mailbox.ops.invalidate(rangeOf(5, 'CLEAR', false), own)).toBe(true);
    mailbox.close();
  });

  it('brings what a callback throws, and names its owner', async () => {
    const region = createRegion();
    const owner = start('owner', region);
    await untilReady(region, 1);
    const mailbox = new Mailbox(region, At.boxes, { blocks: false });
    const moved = () => mailbox.ops.invalidate(rangeOf(5, 'MIGRATE'), region.load(At.cookies));
    expect(await failure(moved)).toEqual([
      'MMN_CALLBACK_FAILED',
      `expected the callback to return on its owner, agent ${owner.number}, got Error: cannot move [5, 6)`,
    ]);
    region.store(At.stop, 1);
    await owner.exit;
  });

  it('lets two agents post to each other and both go on', async () => {
    const region = createRegion();
    const operations = 2000;
    const agents = [0, 1].map((index) => start('each-other', region, index, operations));
    expect(await Promise.all(agents.map(({ sum }) => sum))).toEqual([operations, operations]);
  });

  it('reaches an owner that blocks for something else', async () => {
    const region = createRegion();
    const mutex = new Mutex(region, At.mutex);
    await mutex.lock();
    const owner = start('locked-owner', region);
    await untilReady(region, 1);
    const mailbox = new Mailbox(region, At.boxes, { blocks: false });
    expect(await mailbox.ops.invalidate(rangeOf(7), region.load(At.cookies))).toBe(true);
    mutex.unlock();
    expect(await owner.sum).toBe(7);
  });

  it('[K1] fails for who waits for an owner that died', async () => {
    const region = createRegion();
    const owner = start('mute-owner', region);
    await untilReady(region, 1);
    const mailbox = new Mailbox(region, At.boxes, { blocks: false });
    const answer = failure(() => mailbox.ops.invalidate(rangeOf(7), region.load(At.cookies)));
    await owner.terminate();
    expect(await answer).toEqual([
      'MMN_AGENT_DIED',
      expect.stringContaining(`agent ${owner.number}`),
    ]);
  });

  it('calls finish and release only of those who have them', () => {
    const region = createRegion();
    const mailbox = new Mailbox(region, At.boxes, { blocks: true });
    const calls: string[] = [];
    const plain = mailbox.own({ invalidate: () => true });
    const full = mailbox.own({
      invalidate: () => true,
      finish: () => void calls.push('finish'),
      release: () => void calls.push('release'),
    });
    for (const cookie of [plain, full]) {
      void mailbox.ops.finish?.(rangeOf(1), cookie);
      void mailbox.ops.release?.(cookie);
    }
    expect(calls).toEqual(['finish', 'release']);
    mailbox.close();
  });

  it('refuses cookies of nobody, and owning when it is closed', async () => {
    const region = createRegion();
    const mailbox = new Mailbox(region, At.boxes, { blocks: true });
    const cookie = mailbox.own({ invalidate: () => true });
    mailbox.disown(cookie);
    const call = (): unknown => mailbox.ops.invalidate(rangeOf(1), cookie);
    expect(await failure(call)).toEqual(['MMN_CLOSED', expect.stringMatching(/expected .* got/)]);
    mailbox.close();
    const late = (): unknown => mailbox.own({ invalidate: () => true });
    expect(await failure(late)).toEqual(['MMN_CLOSED', expect.stringMatching(/expected .* got/)]);
  });
});
