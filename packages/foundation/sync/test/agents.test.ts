/** Agents that are started, that end, and that die with what others wait for. */
import { Worker } from 'node:worker_threads';
import { codeOf } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { joinAgents, spawnAgent, type Agent } from '../src/agents.ts';
import {
  deadAgents,
  declareDead,
  firstAgent,
  Mutex,
  Region,
  SpinLock,
  VirtualClock,
  useClock,
  WaitQueue,
  watchDeaths,
} from '../src/index.ts';
import { At, type Data, type Job } from './agents.layout.ts';

const graceMs = 40;

function createRegion(): Region {
  const description = { kind: 'agents', capacity: 1, byteLength: 512 };
  const region = Region.create(description, new SharedArrayBuffer(512));
  watchDeaths(region, { graceMs });
  return region;
}

/** Starts an agent; `message` is its first one. */
function start(job: Job, region: Region): Agent & { readonly message: Promise<unknown> } {
  let arrived: (message: unknown) => void;
  const message = new Promise((resolve) => (arrived = resolve));
  const data: Data = { job, memory: region.memory as SharedArrayBuffer };
  const module = new URL('./agents.worker.ts', import.meta.url);
  const agent = spawnAgent(module, {
    data,
    regions: [region],
    onMessage: (sent) => arrived(sent),
  });
  return Object.assign(agent, { message });
}

async function untilReady(region: Region, count: number): Promise<void> {
  while (region.load(At.ready) < count) await new Promise((resolve) => setImmediate(resolve));
}

function codeAndMessage(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return [codeOf(error), (error as Error).message];
  }
}

describe('agents that are started', { timeout: 30_000 }, () => {
  it('have numbers of their own, which are those in regions', async () => {
    const region = createRegion();
    const agents = [start('number', region), start('number', region)];
    const said = await Promise.all(agents.map(({ message }) => message));
    expect(said).toEqual(agents.map(({ number }) => [number, number]));
    expect(agents[0]!.number).toBeGreaterThanOrEqual(firstAgent);
    expect(agents[1]!.number).toBe(agents[0]!.number + 1);
    expect(await agents[0]!.exit).toEqual({
      agent: agents[0]!.number,
      isDead: false,
      reason: undefined,
    });
    expect(deadAgents(region)).toEqual([]);
  });

  it('have numbers of their own, whoever started them', async () => {
    const region = createRegion();
    const parent = start('parent', region);
    const next = parent.number + 1;
    expect(await parent.message).toEqual([next, next]);
    expect((await parent.exit).isDead).toBe(false);
  });

  it('exchange messages until they leave', async () => {
    const region = createRegion();
    const agent = start('wait', region);
    await untilReady(region, 1);
    const kept: string[] = [];
    const { ref, unref } = Worker.prototype;
    Object.assign(Worker.prototype, {
      ref: () => kept.push('ref'),
      unref: () => kept.push('unref'),
    });
    agent.keepsAlive(false);
    agent.keepsAlive(true);
    Object.assign(Worker.prototype, { ref, unref });
    expect(kept).toEqual(['unref', 'ref']);
    agent.post('hello');
    expect(await agent.message).toBe('hello');
    expect((await agent.exit).isDead).toBe(false);
    expect(agent.isOver).toBe(true);
  });

  it('hear in order what came before they listened', async () => {
    const region = createRegion();
    const agent = start('listenLate', region);
    await untilReady(region, 1);
    agent.post('one');
    agent.post('two');
    region.store(At.flag, 1);
    expect(await agent.message).toEqual(['one', 'two']);
    expect((await agent.exit).isDead).toBe(false);
  });

  it.each([
    ['fail', 'on purpose'],
    ['exit', 'it ended with code 3'],
  ] as const)('are dead when they %s', async (job, reason) => {
    const region = createRegion();
    const agent = start(job, region);
    const exit = await agent.exit;
    expect(exit.isDead).toBe(true);
    expect((exit.reason as Error).message).toBe(reason);
    expect(deadAgents(region)).toEqual([agent.number]);
  });

  it('are dead when they are terminated', async () => {
    const region = createRegion();
    const agent = start('holdNothing', region);
    await untilReady(region, 1);
    await agent.terminate();
    expect((await agent.exit).isDead).toBe(true);
    expect(deadAgents(region)).toEqual([agent.number]);
  });

  it('are refused in a thread that nobody started', () => {
    expect(codeAndMessage(() => joinAgents())).toEqual([
      'MMN_OPTION',
      expect.stringMatching(/expected .* got/),
    ]);
  });
});

describe(
  '[K1] who waits for what a dead agent held fails, and names it',
  { timeout: 30_000 },
  () => {
    it.each([
      ['holdMutex', 'takeMutex'],
      ['holdSpinLock', 'takeSpinLock'],
      ['holdSrcu', 'takeSrcu'],
      ['holdWriter', 'takeReader'],
      ['holdNothing', 'takeFlag'],
    ] as const)('%s, %s', async (hold, take) => {
      const region = createRegion();
      const holder = start(hold, region);
      await untilReady(region, 1);
      const taker = start(take, region);
      await untilReady(region, 2);
      await holder.terminate();
      expect(await taker.message).toEqual([
        'MMN_AGENT_DIED',
        expect.stringContaining(`agent ${holder.number}`),
      ]);
      expect((await taker.exit).isDead).toBe(false);
    });

    it('also with promises, and every time', async () => {
      const region = createRegion();
      const holder = start('holdMutex', region);
      await untilReady(region, 1);
      const mutex = new Mutex(region, At.mutex, 'pages');
      const waiting = Promise.resolve(mutex.lock()).catch((error: unknown) => error);
      expect(mutex.tryLock()).toBe(false);
      await holder.terminate();
      expect(codeOf(await waiting)).toBe('MMN_AGENT_DIED');
      expect(codeAndMessage(() => mutex.tryLock())).toEqual([
        'MMN_AGENT_DIED',
        `expected 'pages' to be given back, but agent ${holder.number}, which holds it, has died`,
      ]);
      expect(codeAndMessage(() => mutex.lockSync())).toEqual([
        'MMN_AGENT_DIED',
        expect.stringContaining(`agent ${holder.number}`),
      ]);
    });
  },
);

describe('deaths', () => {
  it('leave locks of the living alone', async () => {
    const region = createRegion();
    declareDead(region, 77);
    const mutex = new Mutex(region, At.mutex);
    mutex.lockSync();
    expect(mutex.tryLock()).toBe(false);
    const waiting = mutex.lock();
    mutex.unlock();
    await expect(waiting).resolves.toBe(undefined);
    mutex.unlock();
    const spin = new SpinLock(region, At.spin);
    spin.lock();
    spin.unlock();
  });

  it('leave the living their time: a wait that they end is not failed', async () => {
    const clock = new VirtualClock();
    const restore = useClock(clock);
    try {
      const region = createRegion();
      declareDead(region, 77);
      const queue = new WaitQueue(region, At.queue);
      const waiting = queue.waitUntil(() => region.load(At.flag) !== 0);
      clock.advance(graceMs - 1);
      region.store(At.flag, 1);
      queue.wakeAll();
      await expect(waiting).resolves.toBe(undefined);
    } finally {
      restore();
    }
  });

  it('are declared once, and more than eight are counted', () => {
    const region = createRegion();
    declareDead(region, 5);
    declareDead(region, 5);
    expect(deadAgents(region)).toEqual([5]);
    for (let agent = 6; agent < 20; agent++) declareDead(region, agent);
    expect(deadAgents(region)).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it.each([0, -1, 1.5, 2 ** 31, Number.NaN])('refuse a grace of %s ms', (wrong) => {
    const region = createRegion();
    expect(codeAndMessage(() => watchDeaths(region, { graceMs: wrong }))).toEqual([
      'MMN_OPTION',
      expect.stringMatching(/expected .* got/),
    ]);
  });
});
