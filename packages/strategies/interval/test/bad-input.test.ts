/** What callers get wrong: each has its code and a message that says what was expected, and leaves everything usable. */
import { describe, expect, it } from 'vitest';
import { interval } from '../src/variants.ts';
import { rejectionOf, thrownBy } from './thrown.ts';
import { begin, kinds, now, places, publish, Recorder, World } from './world.ts';

const badRanges = [
  ['empty', { start: 5, end: 5 }, 'MMN_RANGE_EMPTY', 'to hold an address, got [5, 5)'],
  ['inverted', { start: 6, end: 5 }, 'MMN_RANGE_INVERTED', '.end, got [6, 5)'],
  ['fractional', { start: 0.5, end: 5 }, 'MMN_ADDRESS', '.start to be an integer'],
  ['fractional at its end', { start: 0, end: 5.5 }, 'MMN_ADDRESS', '2^53-1, got 5.5'],
  ['NaN', { start: NaN, end: 5 }, 'MMN_ADDRESS', '2^53-1, got NaN'],
  ['NaN at its end', { start: 0, end: NaN }, 'MMN_ADDRESS', '2^53-1, got NaN'],
  ['negative', { start: -1, end: 5 }, 'MMN_ADDRESS', '2^53-1, got -1'],
  ['beyond 2^53-1', { start: 0, end: 2 ** 53 }, 'MMN_ADDRESS', '2^53-1, got 9007199254740992'],
  ['infinite', { start: 0, end: Infinity }, 'MMN_ADDRESS', '2^53-1, got Infinity'],
  ['text', { start: '0', end: 5 }, 'MMN_ADDRESS', 'got a value of type string'],
  ['big', { start: 0n, end: 5n }, 'MMN_ADDRESS', 'got a value of type bigint'],
  ['half', { start: 0 }, 'MMN_ADDRESS', '.end to be an integer'],
  ['null', null, 'MMN_ADDRESS', 'to be an object with start and end, got null'],
  ['missing', undefined, 'MMN_ADDRESS', 'to be an object with start and end, got undefined'],
  ['no object', 5, 'MMN_ADDRESS', 'to be an object with start and end, got number'],
] as const;

/** Everything works as it did before. */
function expectUsable(world: World, subscription = world.subscribe(0, 10)): void {
  const seq = begin(subscription);
  world.invalidate(0, 10);
  expect(publish(subscription, seq)).toBe(false);
  expect(publish(subscription, begin(subscription))).toBe(true);
  now(subscription.close());
  expect(world.active).toBe(0);
  expect(world.deferred).toBe(0);
  world.verify();
}

describe.each(places)('bad input in %s', (kind) => {
  it.each(badRanges)(
    '[S4] a range that is %s is refused by every start',
    async (_, bad, code, text) => {
      const world = new World(kind);
      const { calls } = world.recorder(0, 10);
      const range = bad as never;
      const forms = [
        () => world.notifier.invalidateRangeStart(range),
        () => world.notifier.invalidateRangeStartSync(range),
        () => world.notifier.tryInvalidateRangeStart(range),
      ];
      for (const form of forms) {
        const thrown = thrownBy(form);
        expect(thrown.code).toBe(code);
        expect(thrown.message).toContain('expected range');
        expect(thrown.message).toContain(text);
      }
      expect(calls).toEqual([]);
      expectUsable(world);
    },
  );

  it.each(badRanges)(
    '[S4] a span that is %s is refused by every subscribe',
    (_, bad, code, text) => {
      const world = new World(kind);
      const span = bad as never;
      const ops = world.opsFor(new Recorder());
      const prepared = world.notifier.prepare(ops);
      for (const form of [
        () => world.notifier.subscribe(span, ops),
        () => world.notifier.subscribeSync(span, ops),
        () => prepared.insert(span),
      ]) {
        const thrown = thrownBy(form);
        expect(thrown.code).toBe(code);
        expect(thrown.message).toContain('expected span');
        expect(thrown.message).toContain(text);
      }
      now(prepared.close());
      expectUsable(world);
    },
  );

  it('an event that does not exist', () => {
    const world = new World(kind);
    const range = { start: 0, end: 1, event: 'UNMAPPED' as never };
    expect(thrownBy(() => world.notifier.invalidateRangeStart(range))).toMatchObject({
      code: 'MMN_EVENT',
      message: expect.stringContaining('got UNMAPPED') as string,
    });
    expectUsable(world);
  });

  it.each([0, -1, 1, 0.5, NaN, 2 ** 31, undefined, 'a', {}])(
    'an end of %s, which nobody started',
    async (invalidation) => {
      const world = new World(kind);
      for (const form of [
        () => world.notifier.invalidateRangeEnd(invalidation as never),
        () => world.notifier.invalidateRangeEndSync(invalidation as never),
      ]) {
        expect((await rejectionOf(form)).code).toBe('MMN_NOT_OPEN');
      }
      expectUsable(world);
    },
  );

  it('an end of a section that is over, also when its slot is in use again', () => {
    const world = new World(kind);
    const first = now(world.notifier.invalidateRangeStart({ start: 0, end: 1 }));
    now(world.notifier.invalidateRangeEnd(first));
    const second = now(world.notifier.invalidateRangeStart({ start: 0, end: 1 }));
    expect(thrownBy(() => world.notifier.invalidateRangeEnd(first)).code).toBe('MMN_NOT_OPEN');
    expect(world.active).toBe(1);
    now(world.notifier.invalidateRangeEnd(second));
    expectUsable(world);
  });

  it('an end of another notifier’s section', () => {
    const [world, other] = [new World(kind), new World(kind)];
    const invalidation = now(other.notifier.invalidateRangeStart({ start: 0, end: 1 }));
    expect(thrownBy(() => world.notifier.invalidateRangeEnd(invalidation)).code).toBe(
      'MMN_NOT_OPEN',
    );
    now(other.notifier.invalidateRangeEnd(invalidation));
    expectUsable(world);
  });

  it('an end after a start that would have blocked, and after one that failed', () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = () => false;
    const none = world.notifier.tryInvalidateRangeStart({ start: 0, end: 1 });
    expect(thrownBy(() => world.notifier.invalidateRangeEnd(none as never)).code).toBe(
      'MMN_NOT_OPEN',
    );
    expect(thrownBy(() => world.start(0, 1)).code).toBe('MMN_CALLBACK_REFUSED');
    ops.act = () => undefined;
    expectUsable(world, subscription);
  });

  it('use of a closed subscription', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    now(subscription.close());
    for (const form of [
      () => subscription.readBegin(),
      () => subscription.readBeginSync(),
      () => subscription.publish(seq, () => expect.unreachable()),
      () => subscription.publishSync(seq, () => expect.unreachable()),
      () => subscription.insert({ start: 0, end: 10 }),
    ]) {
      expect(thrownBy(form)).toMatchObject({
        code: 'MMN_CLOSED',
        message: 'expected an open subscription, got a closed one',
      });
    }
    expect(typeof subscription.checkRetry(seq)).toBe('boolean');
    expectUsable(world);
  });

  it.each([0.5, 2 ** 31, NaN, 'a', 1n])('a cookie that is no 32-bit integer: %s', (cookie) => {
    const world = new World(kind);
    expect(
      thrownBy(() => world.subscribe(0, 10, new Recorder(), { cookie: cookie as never })),
    ).toMatchObject({
      code: 'MMN_OPTION',
      message: `expected cookie to be a 32-bit integer, got ${String(cookie)}`,
    });
    expectUsable(world);
  });

  it.each([undefined, null, {}, { invalidate: 5 }, 'ops', () => {}, 77])(
    'ops that are none: %s',
    (ops) => {
      const world = new World(kind);
      expect(
        thrownBy(() => world.notifier.subscribe({ start: 0, end: 1 }, ops as never)).code,
      ).toBe('MMN_OPS_UNKNOWN');
      expectUsable(world);
    },
  );

  it.each([-1, 0.5, 65_536, NaN, 'a'])('an ops id of %s', (id) => {
    const world = new World(kind);
    const ops = new Recorder();
    expect(thrownBy(() => world.notifier.registerOps(id as never, ops)).code).toBe('MMN_OPTION');
    expectUsable(world);
  });

  it('more open sections than an agent may have', () => {
    const world = new World(kind);
    const ends: (() => void)[] = [];
    const full = thrownBy(() => {
      for (;;) ends.push(world.start(0, 1));
    });
    expect(full.code).toBe('MMN_OUT_OF_CAPACITY');
    expect(world.active).toBe(ends.length);
    for (const end of ends) end();
    expectUsable(world);
  });
});

describe.each(kinds)('bad input in %s', (kind) => {
  it('a closed subscription does not come back when its record is used again', () => {
    const world = new World(kind);
    const first = world.recorder(0, 10);
    const seq = begin(first.subscription);
    now(first.subscription.close());
    const second = world.recorder(0, 10);
    expect(second.subscription.id).toBe(first.subscription.id);
    expect(thrownBy(() => first.subscription.publish(seq, () => {})).code).toBe('MMN_CLOSED');
    now(first.subscription.close());
    world.invalidate(0, 10);
    expect([first.calls.length, second.calls.length]).toEqual([0, 1]);
    world.verify();
  });
});

describe('functions in shared memory', () => {
  it('are refused: they cannot cross agents', () => {
    const world = new World('shared-memory');
    expect(
      thrownBy(() => world.notifier.subscribe({ start: 0, end: 1 }, new Recorder())),
    ).toMatchObject({
      code: 'MMN_OPS_UNKNOWN',
      message: expect.stringContaining('cannot cross agents') as string,
    });
    expectUsable(world);
  });

  it('that this agent does not have fail its section, and are told by their number', () => {
    const world = new World('shared-memory', { capacity: 4 });
    world.subscribe(0, 10);
    const stranger = interval.attach(world.notifier.memory);
    const failed = thrownBy(() => stranger.invalidateRangeStartSync({ start: 0, end: 10 }));
    expect(failed.code).toBe('MMN_CALLBACK_FAILED');
    expect(failed.cause).toMatchObject({ code: 'MMN_OPS_UNKNOWN' });
    expect(thrownBy(() => stranger.subscriptionAt(0)).code).toBe('MMN_OPS_UNKNOWN');
    expectUsable(world);
  });
});

describe('bad memory and options', () => {
  it.each([0, -1, 0.5, NaN, 2 ** 25, '8', null])('a capacity of %s', (capacity) => {
    const bad = capacity as never;
    for (const form of [() => interval.create({ capacity: bad }), () => interval.byteLength(bad)]) {
      expect(thrownBy(form)).toMatchObject({
        code: 'MMN_OPTION',
        message: `expected capacity to be an integer from 1 to 2^24, got ${String(capacity)}`,
      });
    }
  });

  it('a capacity of 2^24 is none yet', () => {
    expect(interval.byteLength(2 ** 24)).toBeGreaterThan(interval.byteLength(2 ** 24 - 1));
  });

  it('a variant that does not exist', () => {
    for (const form of [() => interval.create({ variant: 'v2' }), () => interval.traits('v2')]) {
      expect(thrownBy(form)).toMatchObject({
        code: 'MMN_OPTION',
        message:
          "expected a variant of this entry point (landed, scoped, v1, local), got 'v2': @mmu-notifier/interval/variants has all",
      });
    }
  });

  it('memory that is too small, in use, or none', () => {
    const capacity = 4;
    const bytes = interval.byteLength(capacity);
    for (const memory of [
      new SharedArrayBuffer(bytes - 8),
      new ArrayBuffer(0),
      new Uint8Array(bytes),
      'memory',
    ]) {
      expect(thrownBy(() => interval.create({ memory: memory as never, capacity })).code).toBe(
        'MMN_MEMORY',
      );
    }
    const memory = new SharedArrayBuffer(bytes);
    interval.create({ memory, capacity });
    expect(thrownBy(() => interval.create({ memory, capacity })).code).toBe('MMN_MEMORY');
  });

  it('attaching to what is no notifier', () => {
    for (const memory of [
      new ArrayBuffer(0),
      new ArrayBuffer(4096),
      new SharedArrayBuffer(4096),
      new Uint8Array(4096),
      undefined,
    ]) {
      expect(thrownBy(() => interval.attach(memory as never)).code).toBe('MMN_MEMORY');
    }
  });

  it('attaching to a copy of a notifier that was made without memory: its tree is elsewhere', () => {
    const copy = (interval.create({ capacity: 4 }).memory as ArrayBuffer).slice(0);
    expect(thrownBy(() => interval.attach(copy))).toMatchObject({
      code: 'MMN_MEMORY',
      message: expect.stringContaining('has its tree elsewhere') as string,
    });
  });
});
