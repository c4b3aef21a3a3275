/** What callers get wrong: each has its code, a message that says what was expected, and leaves everything usable. */
import type { Invalidation } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { begin, codeOfCall, errorOf, kinds, now, Recorder, strategy, World } from './world.ts';

const badRanges = [
  ['empty', { start: 5, end: 5 }, 'MMN_RANGE_EMPTY', 'to hold an address, got [5, 5)'],
  ['inverted', { start: 6, end: 5 }, 'MMN_RANGE_INVERTED', '.end, got [6, 5)'],
  [
    'fractional',
    { start: 0, end: 5.5 },
    'MMN_ADDRESS',
    'to be an integer from 0 to 2^53-1, got 5.5',
  ],
  ['NaN', { start: NaN, end: 5 }, 'MMN_ADDRESS', '2^53-1, got NaN'],
  ['negative', { start: -1, end: 5 }, 'MMN_ADDRESS', '2^53-1, got -1'],
  ['beyond 2^53-1', { start: 0, end: 2 ** 53 }, 'MMN_ADDRESS', 'got 9007199254740992'],
  ['text', { start: '0', end: 5 }, 'MMN_ADDRESS', 'got a value of type string'],
  ['half', { start: 0 }, 'MMN_ADDRESS', '.end to be an integer'],
  ['none', null, 'MMN_ADDRESS', 'to be an object with start and end, got null'],
] as const;

describe.each(kinds)('bad input in %s', (kind) => {
  it.each(badRanges)('[S4] a range that is %s', async (_, bad, code, text) => {
    const world = new World(kind);
    const { calls } = world.recorder(0, 10);
    const range = bad as never;
    const ops = world.opsFor(new Recorder());
    const forms = {
      range: [
        () => world.notifier.invalidateRangeStart(range),
        () => world.notifier.invalidateRangeStartSync(range),
        () => world.notifier.tryInvalidateRangeStart(range),
      ],
      span: [
        () => world.notifier.subscribe(range, ops),
        () => world.notifier.subscribeSync(range, ops),
      ],
    };
    for (const [what, calls] of Object.entries(forms)) {
      for (const form of calls) {
        const error = await errorOf(form);
        expect(error.code).toBe(code);
        expect(error.message).toContain(`expected ${what}`);
        expect(error.message).toContain(text);
      }
    }
    expect(calls).toEqual([]);
    world.expectUsable();
  });

  it('an event that does not exist', async () => {
    const world = new World(kind);
    const error = await errorOf(() => world.start(0, 1, { event: 'UNMAPPED' as never }));
    expect(error.code).toBe('MMN_EVENT');
    expect(error.message).toContain('got UNMAPPED');
    world.expectUsable();
  });

  it.each([0, -1, 1, 0.5, NaN, undefined, 'a', {}])(
    'an end of %s, never started',
    async (handle) => {
      const world = new World(kind);
      for (const form of [
        () => world.notifier.invalidateRangeEnd(handle as never),
        () => world.notifier.invalidateRangeEndSync(handle as never),
      ]) {
        expect((await errorOf(form)).code).toBe('MMN_NOT_OPEN');
      }
      world.expectUsable();
    },
  );

  it('[K-S4] an end of a section that is over, also when its slot is in use again', () => {
    const world = new World(kind);
    const end = world.start(0, 1);
    end();
    const next = world.start(0, 1);
    expect(codeOfCall(end)).toBe('MMN_NOT_OPEN');
    next();
    world.expectUsable();
  });

  it('[K-S4] an end after a start that would have blocked or failed, or of another notifier', () => {
    const [world, other] = [new World(kind), new World(kind)];
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = () => false;
    const refused = world.notifier.tryInvalidateRangeStart({ start: 0, end: 1 });
    expect(codeOfCall(() => world.start(0, 1))).toBe('MMN_CALLBACK_REFUSED');
    const elsewhere = now(other.notifier.invalidateRangeStart({ start: 0, end: 1 }));
    for (const handle of [refused, elsewhere]) {
      expect(codeOfCall(() => world.notifier.invalidateRangeEnd(handle!))).toBe('MMN_NOT_OPEN');
    }
    now(other.notifier.invalidateRangeEnd(elsewhere));
    ops.act = () => undefined;
    world.expectUsable(subscription);
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
    ]) {
      expect(await errorOf(form)).toMatchObject({
        code: 'MMN_CLOSED',
        message: 'expected an open subscription, got a closed one',
      });
    }
    world.expectUsable();
  });

  it.each([0.5, 2 ** 31, -(2 ** 31) - 1, NaN, 'a', 1n, null])('a cookie of %s', async (cookie) => {
    const world = new World(kind);
    const options = { cookie: cookie as never };
    expect(await errorOf(() => world.subscribe(0, 10, new Recorder(), options))).toMatchObject({
      code: 'MMN_OPTION',
      message: `expected cookie to be a 32-bit integer, got ${String(cookie)}`,
    });
    for (const good of [2 ** 31 - 1, -(2 ** 31)]) {
      const { calls } = world.recorder(0, 10, { cookie: good });
      world.invalidate(0, 10);
      expect(calls).toMatchObject([{ cookie: good }]);
    }
  });

  it.each([undefined, null, {}, { invalidate: 5 }, 'ops', () => {}, 77])(
    'ops that are %s',
    (ops) => {
      const world = new World(kind);
      const span = { start: 0, end: 1 };
      expect(codeOfCall(() => world.notifier.subscribe(span, ops as never))).toBe(
        'MMN_OPS_UNKNOWN',
      );
      world.expectUsable();
    },
  );

  it.each([-1, 0.5, 65_536, NaN, 'a'])('an ops id of %s', (id) => {
    const world = new World(kind);
    expect(codeOfCall(() => world.notifier.registerOps(id as never, new Recorder()))).toBe(
      'MMN_OPTION',
    );
    world.expectUsable();
  });

  it('more open sections than there is room for', () => {
    const world = new World(kind);
    const { notifier } = world;
    const open: Invalidation[] = [];
    const start = (): number => open.push(now(notifier.invalidateRangeStart({ start: 0, end: 1 })));
    let code: string | undefined;
    while (code === undefined) code = codeOfCall(start);
    expect(code).toBe('MMN_OUT_OF_CAPACITY');
    for (const section of open) now(notifier.invalidateRangeEnd(section));
    world.expectUsable();
  });
});

describe('shared memory', () => {
  it('takes no functions, which cannot cross agents', async () => {
    const world = new World('shared-memory');
    const error = await errorOf(() =>
      world.notifier.subscribe({ start: 0, end: 1 }, new Recorder()),
    );
    expect(error.code).toBe('MMN_OPS_UNKNOWN');
    expect(error.message).toContain('cannot cross agents');
    world.expectUsable();
  });

  it('fails the sections of an agent that lacks ops, which its other subscribers survive', async () => {
    const memory = new SharedArrayBuffer(strategy.byteLength(4));
    const [home, stranger] = [strategy.create({ memory, capacity: 4 }), strategy.attach(memory)];
    const [known, unknown] = [new Recorder(), new Recorder()];
    home.registerOps(0, unknown);
    for (const notifier of [home, stranger]) notifier.registerOps(1, known);
    for (const ops of [0, 1]) home.subscribe({ start: 0, end: 10 }, ops);
    const error = await errorOf(() => stranger.invalidateRangeStart({ start: 0, end: 10 }));
    expect(error).toMatchObject({
      code: 'MMN_CALLBACK_FAILED',
      cause: { code: 'MMN_OPS_UNKNOWN' },
    });
    expect([known.calls.length, unknown.calls.length]).toEqual([1, 0]);
    home.invalidateRangeEndSync(home.invalidateRangeStartSync({ start: 0, end: 10 }));
    expect([known.calls.length, unknown.calls.length]).toEqual([2, 1]);
    home.verify();
  });
});

describe('options', () => {
  it.each([0, -1, 0.5, NaN, 2 ** 25, '8', null])('a capacity of %s', async (capacity) => {
    const bad = capacity as never;
    for (const form of [() => strategy.create({ capacity: bad }), () => strategy.byteLength(bad)]) {
      expect(await errorOf(form)).toMatchObject({
        code: 'MMN_OPTION',
        message: `expected capacity to be an integer from 1 to 2^24, got ${String(capacity)}`,
      });
    }
  });

  it('a variant that does not exist, which leaves the memory unused', () => {
    const memory = new SharedArrayBuffer(strategy.byteLength(4));
    const bad = { variant: 'v2', memory, capacity: 4 };
    for (const form of [() => strategy.create(bad), () => strategy.traits('v2')]) {
      expect(codeOfCall(form)).toBe('MMN_OPTION');
    }
    strategy.create({ memory, capacity: 4 });
    expect(codeOfCall(() => strategy.create({ memory, capacity: 4 }))).toBe('MMN_MEMORY');
  });

  it('memory that is too small, or none', () => {
    const bytes = strategy.byteLength(4);
    for (const bad of [new SharedArrayBuffer(bytes - 8), new Uint8Array(bytes), 'memory']) {
      const create = (): unknown => strategy.create({ memory: bad as never, capacity: 4 });
      expect(codeOfCall(create)).toBe('MMN_MEMORY');
    }
  });

  it('attaching to what is no notifier', () => {
    for (const bad of [new ArrayBuffer(4096), new SharedArrayBuffer(4096), undefined]) {
      expect(codeOfCall(() => strategy.attach(bad as never))).toBe('MMN_MEMORY');
    }
  });
});
