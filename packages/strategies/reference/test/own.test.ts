/** What only this strategy promises: a new one replaces this file. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { InvariantError } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { reference } from '../src/index.ts';
import { Mm, mmAt, Open, sectionsMax, slotAt, State, Sub, subAt } from '../src/layout.ts';
import { begin, codeOfCall, eventLoopTurns, now, publish, Recorder } from './world.ts';

describe('the scan', { timeout: 30_000 }, () => {
  it('holds as many open sections as it says, of all agents together', () => {
    const memory = new SharedArrayBuffer(reference.byteLength(1));
    const [one, two] = [reference.create({ memory, capacity: 1 }), reference.attach(memory)];
    const open = [];
    for (let i = 0; i < sectionsMax; i++) {
      open.push(one.invalidateRangeStartSync({ start: 0, end: 1 }));
    }
    const start = (): unknown => two.tryInvalidateRangeStart({ start: 0, end: 1 });
    for (let i = 0; i < 3; i++) expect(codeOfCall(start)).toBe('MMN_OUT_OF_CAPACITY');
    for (const section of open) one.invalidateRangeEnd(section);
    // Refused starts keep none of their agent's handles, whose low bits are numbered from 0.
    expect(two.invalidateRangeStartSync({ start: 0, end: 1 }) & 0x7fff).toBe(0);
    one.verify();
  });

  it('is attached in one event loop by finding the notifier that is there, also after it grew', () => {
    const given = reference.create({
      memory: new ArrayBuffer(reference.byteLength(2)),
      capacity: 2,
    });
    expect(reference.attach(given.memory)).toBe(given);
    const growing = reference.create({ capacity: 1 });
    const before = growing.memory;
    for (let i = 0; i < 2; i++) growing.subscribe({ start: 0, end: 1 }, new Recorder());
    expect(growing.memory).not.toBe(before);
    expect(reference.attach(growing.memory)).toBe(growing);
    expect(() => reference.attach(before)).toThrow(/before it grew/);
    expect(() => reference.attach((growing.memory as ArrayBuffer).slice(0))).toThrow(/a copy/);
  });

  it('takes a memory of null for none', () => {
    const notifier = reference.create({ memory: null as never, capacity: 1 });
    const bytes = notifier.memory.byteLength;
    for (let i = 0; i < 2; i++) notifier.subscribe({ start: 0, end: 1 }, new Recorder());
    expect(notifier.memory.byteLength).toBeGreaterThan(bytes);
  });

  it('knows an owner by its ops id in shared memory, where agents have other objects', () => {
    const memory = new SharedArrayBuffer(reference.byteLength(4));
    const agents = [reference.create({ memory, capacity: 4 }), reference.attach(memory)].map(
      (notifier) => {
        const owner = {};
        const told: number[] = [];
        const ops = { owner, invalidate: (_: unknown, cookie: number) => void told.push(cookie) };
        notifier.registerOps(3, { invalidate: () => {} });
        notifier.registerOps(7, ops);
        notifier.registerOps(9, ops);
        return { notifier, owner, told };
      },
    );
    const [here, there] = [agents[0]!, agents[1]!];
    const own = here.notifier.subscribe({ start: 0, end: 10 }, 7, { cookie: 7 });
    here.notifier.subscribe({ start: 0, end: 10 }, 9, { cookie: 9 });
    const range = { start: 0, end: 10, event: 'MIGRATE' } as const;
    const section = there.notifier.invalidateRangeStartSync({ ...range, owner: there.owner });
    expect(publish(own, begin(own))).toBe(true);
    there.notifier.invalidateRangeEndSync(section);
    expect(there.told).toEqual([]);
    const strange = there.notifier.invalidateRangeStartSync({ ...range, owner: here.owner });
    expect(there.told).toEqual([7, 9]);
    there.notifier.invalidateRangeEndSync(strange);
  });

  it('lets the callbacks of what is closed be collected', async () => {
    const notifier = reference.create();
    const callbacks = (() => {
      const ops = new Recorder();
      now(notifier.subscribe({ start: 0, end: 1 }, ops).close());
      return new WeakRef(ops);
    })();
    setFlagsFromString('--expose-gc');
    await eventLoopTurns(); // a WeakRef is strong until then
    (runInNewContext('gc') as () => void)();
    expect(callbacks.deref()).toBeUndefined();
  });
});

describe('verify', () => {
  it.each([
    ['callers below 0', (words) => (words[subAt(0) + Sub.callers] = -1), 'callers of at least 0'],
    [
      'a free record that is called',
      (words) => {
        words[subAt(0) + Sub.state] = State.free;
        words[subAt(0) + Sub.callers] = 1;
      },
      'nobody to call a free record',
    ],
    [
      'a closing record without a moment',
      (words) => (words[subAt(0) + Sub.state] = State.closing),
      'closed to fit its state',
    ],
    [
      'a span without an address',
      (_, wide) => (wide[(subAt(0) >> 1) + Sub.end] = 0),
      'to hold an address',
    ],
    [
      'a range without an address',
      (_, wide) => (wide[(slotAt(0) >> 1) + Open.end] = 0),
      'to hold an address',
    ],
    [
      'a number that nobody gave',
      (_, wide) => (wide[(mmAt >> 1) + Mm.sections] = 0),
      'expected a number up to 0',
    ],
  ] as const satisfies readonly [
    string,
    (words: Int32Array, wide: Float64Array) => void,
    string,
  ][])('sees %s', (_, damage, message) => {
    const notifier = reference.create();
    notifier.subscribe({ start: 0, end: 1 }, new Recorder());
    now(notifier.invalidateRangeStart({ start: 0, end: 1 }));
    notifier.verify();
    const { words, wide } = notifier.state.region;
    damage(words, wide);
    expect(() => notifier.verify()).toThrow(InvariantError);
    expect(() => notifier.verify()).toThrow(message);
  });
});
