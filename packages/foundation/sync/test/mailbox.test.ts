/** Callbacks on the agent that owns them, between real agents, bounded by counts. What needs no thread is in mailbox-posts.test.ts. */
import { codeOf, type InvalidationRange } from '@mmu-notifier/core';
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

function rangeAt(startAt: number): InvalidationRange {
  return { start: startAt, end: startAt + 1, event: 'CLEAR', blockable: true, owner: undefined };
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
    expect(await mailbox.ops.invalidate(rangeAt(5), cookie)).toBe(true);
    expect(await mailbox.ops.invalidate(rangeAt(13), cookie)).toBe(false);
    region.store(At.stop, 1);
    expect(await owner.sum).toBe(18);
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
    expect(await mailbox.ops.invalidate(rangeAt(7), region.load(At.cookies))).toBe(true);
    mutex.unlock();
    expect(await owner.sum).toBe(7);
  });

  it('[K1] fails for who waits for an owner that died', async () => {
    const region = createRegion();
    const owner = start('mute-owner', region);
    await untilReady(region, 1);
    const mailbox = new Mailbox(region, At.boxes, { blocks: false });
    const answer = failure(() => mailbox.ops.invalidate(rangeAt(7), region.load(At.cookies)));
    await owner.terminate();
    expect(await answer).toEqual([
      'MMN_AGENT_DIED',
      expect.stringContaining(`agent ${owner.number}`),
    ]);
  });
});
