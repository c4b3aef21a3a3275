/** Asynchronous code, explored over the orders in which its completions arrive. */
import { describe, expect, it } from 'vitest';
import { exploreEvents, replayEvents, type EventActor, type EventScenario } from '../src/index.ts';

/** A build that began before an invalidation publishes after it. */
const stale: EventScenario = {
  async run(world) {
    let page = 'old';
    let cache: string | undefined;
    const build = async (): Promise<void> => {
      const seen = page;
      await world.later('disk', undefined);
      cache = seen;
    };
    const invalidate = async (): Promise<void> => {
      await world.later('write', undefined);
      page = 'new';
      cache = undefined;
    };
    await Promise.all([invalidate(), build()]);
    if (cache !== undefined && cache !== page) throw new Error(`cache is ${cache}`);
  },
};

describe('orders', () => {
  it.each([
    [3, 6],
    [4, 24],
  ])('%i completions arrive in %i orders', async (count, orders) => {
    const seen = new Set<string>();
    const result = await exploreEvents({
      async run(world) {
        const order: number[] = [];
        const one = async (i: number): Promise<void> => {
          await world.later(`c${i}`, undefined);
          order.push(i);
        };
        await Promise.all(Array.from({ length: count }, (_, i) => one(i)));
        seen.add(order.join());
      },
    });
    expect(result).toMatchObject({ verdict: 'ok', status: 'complete' });
    expect(seen.size).toBe(orders);
  });

  it('timers fire in order of their due times, and anything may come between', async () => {
    const seen = new Set<string>();
    await exploreEvents({
      async run(world) {
        let order = '';
        setTimeout(() => (order += 'b'), 20);
        setTimeout(() => (order += 'a'), 10);
        const cancelled = setTimeout(() => (order += 'x'), 5);
        clearTimeout(cancelled);
        await world.later('io', undefined).then(() => (order += 'i'));
        await new Promise((resolve) => setTimeout(resolve, 100));
        seen.add(order);
      },
    });
    expect(seen).toEqual(new Set(['iab', 'aib', 'abi']));
  });

  it('wake-ups of waitAsync arrive in any order', async () => {
    const seen = new Set<string>();
    const result = await exploreEvents({
      async run() {
        const words = new Int32Array(new SharedArrayBuffer(8));
        let order = '';
        const wait = async (name: string): Promise<void> => {
          await Atomics.waitAsync(words, 1, 0).value;
          order += name;
        };
        const both = Promise.all([wait('a'), wait('b')]);
        expect(Atomics.notify(words, 1)).toBe(2);
        await both;
        seen.add(order);
      },
    });
    expect(result.status).toBe('complete');
    expect(seen).toEqual(new Set(['ab', 'ba']));
  });
});

describe('failures', () => {
  it('a stale publication is found with the fewest delays, and replays', async () => {
    const { failure, summary } = await exploreEvents(stale);
    expect(failure).toMatchObject({
      verdict: 'assertion',
      message: 'cache is old',
      delays: 0,
      arrivals: ['write', 'disk'],
      schedule: '0,0',
    });
    expect(summary).toMatch(/^found assertion: 1 executions/);
    expect(await replayEvents(stale, failure!.schedule)).toEqual({ ...failure, isMinimal: false });
    expect(await replayEvents(stale, '1,0')).toBeUndefined();
    await expect(replayEvents(stale, '2')).rejects.toThrow(
      /choice 1 was one of more than 2, now of 2/,
    );
    await expect(replayEvents(stale, 'a2')).rejects.toThrow(/expected a schedule such as/);
    expect(failure!.diagram).toContain('  1  write arrives');
  });

  it('waiting for nothing is a deadlock', async () => {
    const result = await exploreEvents({ run: () => new Promise(() => {}) });
    expect(result.verdict).toBe('deadlock');
  });

  it('an interval that is never cleared has no end', async () => {
    const result = await exploreEvents({
      run: () => new Promise(() => setInterval(() => {}, 10)),
      arrivalsMax: 50,
    });
    expect(result.verdict).toBe('endless');
  });
});

describe('how far', () => {
  const four: EventScenario = {
    run: (world) => Promise.all([1, 2, 3, 4].map((i) => world.later(`c${i}`, i))),
  };

  it('a bound on delays is honoured and named', async () => {
    const result = await exploreEvents({ ...four, delays: 1 });
    expect(result.status).toBe('complete-to-bound');
    expect(result.summary).toMatch(/^complete up to 1 delays/);
  });

  it('a spent budget is named', async () => {
    const result = await exploreEvents({ ...four, budget: { executions: 5 } });
    expect(result).toMatchObject({ status: 'stopped', executions: 5 });
  });

  it('who is asked to stop says so, and up to where it was complete', async () => {
    const { executions } = await exploreEvents({ ...four, delays: 1 });
    let asked = 0;
    const isStopped = (): boolean => asked++ > executions;
    const result = await exploreEvents({ ...four, isStopped });
    expect(result).toMatchObject({ status: 'stopped', completeTo: 1 });
    expect(result.summary).toMatch(/^stopped when asked/);
    expect((await exploreEvents({ ...four, delays: 1 })).completeTo).toBe(undefined);
  });

  it('random orders find the stale publication too, and are never complete', async () => {
    expect((await exploreEvents({ ...stale, strategy: 'random', seed: 3 })).verdict).toBe(
      'assertion',
    );
    const fine = await exploreEvents({ ...four, strategy: 'random', budget: { executions: 9 } });
    expect(fine).toMatchObject({ verdict: 'ok', status: 'stopped', executions: 9 });
  });
});

describe('actors', () => {
  /** Two add to a number that lies behind a wait: a lost update takes one preemption. */
  const counter: EventScenario = {
    strategy: 'preemptions',
    async run(world) {
      let number = 0;
      const add = async (actor: EventActor): Promise<void> => {
        await actor.step('read');
        const seen = number;
        actor.note(`sees ${seen}`);
        await actor.step('write');
        number = seen + 1;
      };
      await Promise.all(['a', 'b'].map((name) => world.spawn(name, add)));
      if (number !== 2) throw new Error(`${number}, not 2`);
    },
  };

  it('fewest preemptions first, in a diagram with a column for each', async () => {
    const { failure } = await exploreEvents(counter);
    expect(failure).toMatchObject({ preemptions: 1, isMinimal: true, message: '1, not 2' });
    expect(failure!.diagram).toBe(
      [
        '  #  a        | b',
        '--------------+---------',
        '  1           | read',
        '              |   sees 0',
        '  2  read     |',
        '       sees 0 |',
        '  3  write    |',
        '  4           | write',
        '',
        '=> assertion: 1, not 2',
      ].join('\n'),
    );
  });

  it('every order is tried once, whatever it costs', async () => {
    const seen: string[] = [];
    const result = await exploreEvents({
      strategy: 'preemptions',
      async run(world) {
        let order = '';
        const three = async (actor: EventActor): Promise<void> => {
          for (let i = 0; i < 3; i++) {
            await actor.step('next');
            order += actor.name;
          }
        };
        await Promise.all(['a', 'b'].map((name) => world.spawn(name, three)));
        seen.push(order);
      },
    });
    expect(result).toMatchObject({ status: 'complete', executions: 20, arrivals: 120 });
    expect(new Set(seen).size).toBe(20);
    expect(seen[0]).toBe('aaabbb');
  });

  it('a bound on preemptions is honoured and named', async () => {
    const result = await exploreEvents({ ...counter, preemptions: 0 });
    expect(result).toMatchObject({ verdict: 'ok', status: 'complete-to-bound' });
    expect(result.summary).toMatch(/^complete up to 0 preemptions/);
  });

  it('a deadlock names who waits, and after which step', async () => {
    const { failure } = await exploreEvents({
      strategy: 'preemptions',
      async run(world) {
        let open!: () => void;
        const gate = new Promise<void>((resolve) => (open = resolve));
        await Promise.all([
          world.spawn('opener', async (actor) => {
            await actor.step('open');
            if (world.choose(2) === 0) open();
          }),
          world.spawn('guest', async (actor) => {
            await actor.step('knock');
            await gate;
          }),
        ]);
      },
    });
    expect(failure).toMatchObject({
      verdict: 'deadlock',
      message: "nobody can go on: guest after 'knock'",
      waiting: [{ actor: 'guest', step: 'knock' }],
    });
    expect(failure!.diagram).toContain('choose(2) = 1');
  });

  it('what is found in a place that nobody waits for ends the execution', async () => {
    const { failure } = await exploreEvents({
      strategy: 'preemptions',
      run: (world) =>
        world.spawn('finder', async (actor) => {
          await actor.step('looks');
          world.abort(new Error('found'));
          world.abort(new Error('too late'));
          await new Promise(() => {});
        }),
    });
    expect(failure).toMatchObject({ verdict: 'assertion', message: 'found', arrivals: ['looks'] });
  });

  it('failures that do not count are passed over', async () => {
    const result = await exploreEvents({
      ...counter,
      counts: ({ preemptions }) => preemptions > 1,
    });
    expect(result.failure).toMatchObject({ preemptions: 2, verdict: 'assertion' });
    const none = await exploreEvents({ ...counter, counts: () => false });
    expect(none).toMatchObject({ verdict: 'ok', status: 'complete', executions: 6 });
  });
});

it('puts timers back', async () => {
  const before = [setTimeout, clearTimeout, setImmediate, setInterval, Atomics.notify];
  await exploreEvents(stale);
  expect([setTimeout, clearTimeout, setImmediate, setInterval, Atomics.notify]).toEqual(before);
});
