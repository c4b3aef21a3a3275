import { describe, expect, it } from 'vitest';
import { Random, Scheduler, type Task, waitFor } from '@mmu-notifier/address-space';

function* write(log: string[], name: string, turns: number): Task<string> {
  for (let turn = 0; turn < turns; turn++) {
    log.push(name);
    yield;
  }
  return name;
}

function* broken(): Task<void> {
  yield;
  throw new Error('on purpose');
}

function* stuck(): Task<void> {
  yield* waitFor(new Promise(() => {}), 'a lock that nobody gives back');
}

async function interleave(seed: number): Promise<string> {
  const scheduler = new Scheduler({ seed });
  const log: string[] = [];
  for (const name of ['a', 'b', 'c']) scheduler.spawn(write(log, name, 20));
  await scheduler.run();
  return log.join('');
}

describe('the scheduler', () => {
  it('interleaves agents by the seed, the same way each time', async () => {
    expect(await interleave(1)).toBe(await interleave(1));
    expect(await interleave(1)).not.toBe(await interleave(2));
    expect([...(await interleave(3))].sort().join('')).toBe(
      'a'.repeat(20) + 'b'.repeat(20) + 'c'.repeat(20),
    );
  });

  it('passes results to onDone', async () => {
    const scheduler = new Scheduler();
    const done: string[] = [];
    scheduler.spawn(write([], 'a', 3), (name) => done.push(name));
    await scheduler.run();
    expect(done).toEqual(['a']);
    expect(scheduler.agentCount).toBe(0);
  });

  it('blocks an agent until its promise settles, while others run', async () => {
    const scheduler = new Scheduler();
    const log: string[] = [];
    const gate = Promise.withResolvers<string>();
    function* waiter(): Task<void> {
      log.push(yield* waitFor(gate.promise));
    }
    function* opener(): Task<void> {
      for (let turn = 0; turn < 10; turn++) yield;
      log.push('opened');
      gate.resolve('through');
    }
    scheduler.spawn(waiter());
    scheduler.spawn(opener());
    await scheduler.run();
    expect(log).toEqual(['opened', 'through']);
  });

  it('throws a rejection into the task that waits', async () => {
    const scheduler = new Scheduler();
    const caught: unknown[] = [];
    function* task(): Task<void> {
      try {
        yield* waitFor(Promise.reject(new Error('no')));
      } catch (error) {
        caught.push((error as Error).message);
      }
    }
    scheduler.spawn(task());
    await scheduler.run();
    expect(caught).toEqual(['no']);
  });

  it('takes a value that is not a promise without waiting', async () => {
    const scheduler = new Scheduler();
    const seen: number[] = [];
    function* task(): Task<void> {
      seen.push(yield* waitFor(7));
    }
    scheduler.spawn(task());
    scheduler.step();
    expect(seen).toEqual([7]);
  });

  it('names the agent whose task throws, and goes on afterwards', async () => {
    const scheduler = new Scheduler();
    const log: string[] = [];
    scheduler.spawn(broken(), undefined, 'thread 7');
    scheduler.spawn(write(log, 'a', 50));
    await expect(scheduler.run()).rejects.toThrow(/^thread 7, at step \d+: on purpose$/);
    await scheduler.run();
    expect(log).toHaveLength(50);
  });

  it('reports a deadlock: who waits for what', async () => {
    const scheduler = new Scheduler();
    scheduler.spawn(stuck(), undefined, 'thread 1');
    await expect(scheduler.run()).rejects.toThrow(
      'deadlock at step 1: thread 1 waits for a lock that nobody gives back',
    );
  });

  it('sleeps in steps', async () => {
    const scheduler = new Scheduler();
    function* sleeper(): Task<void> {
      yield* waitFor(scheduler.sleep(30));
    }
    scheduler.spawn(sleeper());
    await scheduler.run();
    expect(scheduler.steps).toBeGreaterThan(30);
  });

  it('says who runs', () => {
    const scheduler = new Scheduler();
    const seen: unknown[] = [];
    function* task(): Task<void> {
      seen.push(scheduler.current?.name);
      yield;
    }
    scheduler.spawn(task(), undefined, 'thread 1');
    scheduler.step();
    expect([...seen, scheduler.current]).toEqual(['thread 1', undefined]);
  });
});

describe('random numbers', () => {
  it('are those of xoshiro128**, spread evenly', () => {
    const random = new Random(42);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 100_000; draw++) counts[random.below(10)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    expect(random.chance(0)).toBe(false);
    expect(random.chance(1)).toBe(true);
  });
});
