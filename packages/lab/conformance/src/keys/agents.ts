/** Real agents over one shared memory, bounded by counts of operations and not by time. */
import type { Notifier, Subscription } from '@mmu-notifier/core';
import { delay, type Region } from '@mmu-notifier/sync';
import {
  At,
  createBoard,
  opsIds,
  pageCount,
  register,
  wrongEntries,
  type JobName,
} from '../agents/jobs.ts';
import { check, codeFrom, equal } from '../check.ts';
import { key, type Key } from '../key.ts';
import { over, sharedMemory, stillWaits } from '../turns.ts';
import { begin, publish, type World } from '../world.ts';

/** A notifier in shared memory, and the board. */
class Arena {
  readonly world: World;
  readonly notifier: Notifier;
  readonly memory: SharedArrayBuffer;
  readonly board: Region = createBoard();
  readonly #working: Promise<unknown>[] = [];

  constructor(world: World, capacity: number) {
    const { strategy, variant } = world.subject;
    this.memory = sharedMemory(strategy.byteLength(capacity, variant));
    this.notifier = strategy.create({ variant, memory: this.memory, capacity });
    this.world = world;
    register(this.notifier, this.board);
  }

  /** Starts an agent; resolves to what its job returns. */
  start(name: JobName, { agent = 0, agents = 1, operations = 1 } = {}): Promise<number> {
    const { agents: theirs, effort } = this.world.subject;
    check(theirs !== undefined, 'the option `agents`');
    const { module, exportName } = theirs;
    const job = { name, agent, agents, operations: Math.ceil(operations * effort) };
    const result = theirs.start({
      module,
      exportName,
      job,
      memory: this.memory,
      board: this.board.memory as SharedArrayBuffer,
    });
    this.#working.push(result.catch(() => {}));
    return result;
  }

  /** Resolves when that many agents are there. */
  async untilReady(agents: number): Promise<void> {
    const state = { hasEnded: false };
    void Promise.race(this.#working).then(() => void (state.hasEnded = true));
    while (this.board.load(At.ready) < agents && !state.hasEnded) await delay(1);
  }

  /** The main thread's subscription of device `cookie`. */
  async subscribe(cookie: number, ops: number = opsIds.device): Promise<Subscription> {
    const span = { start: 0, end: pageCount };
    return over(this.notifier.subscribe(span, ops, { cookie }), 'subscribe');
  }
}

function agentsKey(name: string, promise: string, run: (world: World) => Promise<void>): Key {
  const details = { when: 'shared memory', way: 'agents', source: 'ours: agents/jobs.ts' } as const;
  return key(`AGENTS.${name}`, promise, details, run);
}

export const agentKeys: readonly Key[] = [
  agentsKey(
    'calls',
    'has the agent that invalidates run the callback of another’s subscription',
    async (world) => {
      const arena = new Arena(world, 4);
      const subscription = await arena.subscribe(3);
      const seq = await begin(subscription);
      await arena.start('invalidate');
      equal(arena.board.load(At.calls), 1, 'calls');
      equal(await publish(subscription, seq), false, 'a read from before');
      arena.notifier.verify();
    },
  ),
  agentsKey(
    'race',
    'serves no stale entry while two agents invalidate, two fault, and one subscribes and closes',
    async (world) => {
      const arena = new Arena(world, 16);
      const sizes = { agents: 5, operations: 600 };
      await Promise.all([
        arena.start('invalidate', { ...sizes, agent: 0 }),
        arena.start('invalidate', { ...sizes, agent: 1 }),
        arena.start('fault', { ...sizes, agent: 2 }),
        arena.start('fault', { ...sizes, agent: 3 }),
        arena.start('churn', { ...sizes, agent: 4 }),
      ]);
      equal(wrongEntries(arena.board), 0, 'stale entries');
      arena.notifier.verify();
    },
  ),
  agentsKey(
    'try',
    'serves no stale entry while two agents start sections that must not wait, and a third faults',
    async (world) => {
      const arena = new Arena(world, 4);
      const sizes = { agents: 3, operations: 1_000 };
      const [one, two] = await Promise.all([
        arena.start('tryInvalidate', { ...sizes, agent: 0 }),
        arena.start('tryInvalidate', { ...sizes, agent: 1 }),
        arena.start('fault', { ...sizes, agent: 2 }),
      ]);
      check(one + two > 0, 'some sections to start');
      equal(wrongEntries(arena.board), 0, 'stale entries');
      arena.notifier.verify();
    },
  ),
  agentsKey('room', 'loses no record while agents fight for the last ones', async (world) => {
    const arena = new Arena(world, 6);
    const sizes = { agents: 2, operations: 10_000 };
    await Promise.all([
      arena.start('churn', { ...sizes, agent: 0 }),
      arena.start('churn', { ...sizes, agent: 1 }),
    ]);
    equal(wrongEntries(arena.board), 0, 'records that two had');
    for (let count = 0; count < 6; count++) await arena.subscribe(0);
    equal(await codeFrom(() => arena.subscribe(0)), 'MMN_OUT_OF_CAPACITY', 'one more');
    arena.notifier.verify();
  }),
  agentsKey(
    'wakes',
    'wakes an agent that blocks in readBeginSync when another one ends the section',
    async (world) => {
      const arena = new Arena(world, 4);
      const { notifier } = arena;
      if (world.subject.traits.subscribeWaits) return; // nobody subscribes in a section
      const section = await over(notifier.invalidateRangeStart({ start: 0, end: 1 }), 'start');
      const read = arena.start('readOnce');
      await arena.untilReady(1);
      await stillWaits(read, 'the agent');
      await over(notifier.invalidateRangeEnd(section), 'end');
      equal(await read, 1, 'its publication');
      notifier.verify();
    },
  ),
  agentsKey(
    'refuses',
    'refuses in one agent what it read before another one’s section',
    async (world) => {
      const arena = new Arena(world, 4);
      const { notifier, board } = arena;
      const refused = arena.start('sectionOnce');
      await arena.untilReady(1);
      const section = await over(notifier.invalidateRangeStart({ start: 0, end: 1 }), 'start');
      await over(notifier.invalidateRangeEnd(section), 'end');
      board.store(At.stop, 1);
      equal(await refused, 1, 'refused');
      equal(board.load(At.calls), 1, 'calls');
    },
  ),
  agentsKey(
    'close',
    'has close and readBegin wait for another agent’s callback, and its end',
    async (world) => {
      const arena = new Arena(world, 4);
      const [closing, reading] = [
        await arena.subscribe(0, opsIds.nothing),
        await arena.subscribe(0),
      ];
      const agent = arena.start('stuckCallback');
      await arena.untilReady(1);
      const closed = closing.close();
      await stillWaits(closed, 'close');
      const read = reading.readBegin();
      arena.board.store(At.stop, 1);
      await agent;
      await over(closed, 'close after the callback');
      await over(read, 'readBegin after the section');
      equal(await publish(reading, await begin(reading)), true, 'a publication');
      arena.notifier.verify();
    },
  ),
  agentsKey(
    'release',
    'leaves nothing, and publishes nothing, after a release, of whoever was on its way',
    async (world) => {
      const arena = new Arena(world, 4);
      const { notifier, board } = arena;
      const agents = [0, 1].map((agent) => arena.start('faultUntilReleased', { agents: 2, agent }));
      await arena.untilReady(2);
      for (let count = 0; count < 30; count++) {
        const section = await notifier.invalidateRangeStart({ start: 0, end: 3 });
        await notifier.invalidateRangeEnd(section);
      }
      await notifier.release();
      board.store(At.stop, 1);
      equal(await Promise.all(agents), [0, 0], 'entries that are left');
      notifier.verify();
    },
  ),
];
