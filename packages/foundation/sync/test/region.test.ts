/** Regions: laying out, attaching, growing, and every check of the header with its message. */
import { describe, expect, it } from 'vitest';
import {
  headerWords,
  isShared,
  Mailbox,
  mailboxWords,
  Mutex,
  mutexWords,
  Region,
  RwSemaphore,
  rwSemaphoreWords,
  SpinLock,
  spinLockWords,
  Srcu,
  srcuWords,
  WaitQueue,
  waitQueueWords,
} from '../src/index.ts';
import { memories } from './memories.ts';
import { thrownBy } from './thrown.ts';

const description = { kind: 'test', variant: 'plain', capacity: 8, byteLength: 256 };
const refused = (message: string): object => ({ code: 'MMN_MEMORY', message });

describe.each(memories)('Region in $memory', ({ allocate, shared }) => {
  it('is found by attach with what create wrote', () => {
    const memory = allocate(256);
    const region = Region.create(description, memory);
    const attached = Region.attach(memory, 'test');
    expect(attached).toMatchObject({ shared, capacity: 8, variant: 'plain', memory });
    region.store(headerWords, 42);
    expect(attached.load(headerWords)).toBe(42);
    expect(attached.words).toHaveLength(64);
    expect(attached.wide).toHaveLength(32);
  });

  it('starts zeroed behind its header, and uses no more of the memory than described', () => {
    const region = Region.create(description, allocate(512));
    expect(region.words).toHaveLength(64);
    expect([...region.words.subarray(headerWords)]).toEqual(Array.from({ length: 32 }, () => 0));
  });

  it.each([
    ['add', (r: Region) => r.add(40, 3), 7, 10],
    ['exchange', (r: Region) => r.exchange(40, 3), 7, 3],
    ['compareExchange of what is there', (r: Region) => r.compareExchange(40, 7, 3), true, 3],
    ['compareExchange of another', (r: Region) => r.compareExchange(40, 6, 3), false, 7],
  ])('%s returns and leaves what it should', (_name, act, returned, left) => {
    const region = Region.create(description, allocate(256));
    region.store(40, 7);
    expect(act(region)).toBe(returned);
    expect(region.load(40)).toBe(left);
  });

  it.each([
    ['load', (r: Region) => r.load(40)],
    ['store', (r: Region) => r.store(40, 1)],
    ['add', (r: Region) => r.add(40, 1)],
    ['exchange', (r: Region) => r.exchange(40, 1)],
    ['compareExchange', (r: Region) => r.compareExchange(40, 0, 1)],
  ] as const)('%s is atomic where it has to be', (name, act) => {
    const region = Region.create(description, allocate(256));
    const original = Atomics[name] as (...given: unknown[]) => unknown;
    let calls = 0;
    const counting = (...given: unknown[]): unknown => {
      calls++;
      return original(...given);
    };
    Object.assign(Atomics, { [name]: counting });
    act(region);
    Object.assign(Atomics, { [name]: original });
    expect(calls).toBe(shared ? 1 : 0);
  });

  it('wraps words at 32 bits', () => {
    const region = Region.create(description, allocate(256));
    region.store(40, 2 ** 31 - 1);
    region.add(40, 1);
    expect(region.load(40)).toBe(-(2 ** 31));
  });

  it('may be a header and nothing else', () => {
    const byteLength = headerWords * 4;
    const region = Region.create({ kind: 'test', capacity: 0, byteLength }, allocate(byteLength));
    expect([region.capacity, region.words.length]).toEqual([0, headerWords]);
  });

  it('refuses memory that is in use', () => {
    const memory = allocate(256);
    Region.create(description, memory);
    const message = 'expected memory that is zero, got some that is in use';
    expect(thrownBy(() => Region.create(description, memory))).toEqual(refused(message));
    for (let at = 0; at < headerWords; at++) {
      const dirty = allocate(256);
      new Int32Array(dirty)[at] = 1;
      expect(thrownBy(() => Region.create(description, dirty))).toEqual(refused(message));
      expect(new Int32Array(dirty)[0]).toBe(at === 0 ? 1 : 0);
    }
  });

  it('refuses memory that is too small', () => {
    const message = 'expected at least 256 bytes, got 248';
    expect(thrownBy(() => Region.create(description, allocate(248)))).toEqual(refused(message));
    const tiny = 'expected at least 128 bytes, got 64';
    expect(thrownBy(() => Region.attach(allocate(64), 'test'))).toEqual(refused(tiny));
  });

  it.each<[string, (words: Int32Array) => void, string]>([
    [
      'nobody laid out',
      (words) => words.fill(0),
      'expected a region laid out by create (magic 6d6d756e), got magic 0',
    ],
    [
      'something else laid out',
      (words) => words.fill(-1),
      'expected a region laid out by create (magic 6d6d756e), got magic ffffffff',
    ],
    [
      'is being laid out',
      (words) => words.fill(1, 0, 1),
      'expected a region, got one whose create has not returned',
    ],
    [
      'another version laid out',
      (words) => words.fill(7, 1, 2),
      'expected layout version 1, got 7',
    ],
    [
      'has a broken capacity',
      (words) => words.fill(-5, 2, 3),
      'expected capacity to be an integer from 0 to 2^31-1, got -5',
    ],
    [
      'has a broken length',
      (words) => words.fill(20, 3, 4),
      'expected byteLength to be a multiple of 8 from 128 to 2147483640, got 20',
    ],
    ['was cut off', (words) => words.fill(1024, 3, 4), 'expected at least 1024 bytes, got 256'],
  ])('attach refuses memory that %s', (_name, spoil, message) => {
    const memory = allocate(256);
    Region.create(description, memory);
    spoil(new Int32Array(memory));
    expect(thrownBy(() => Region.attach(memory, 'test'))).toEqual(refused(message));
  });

  it('attach refuses a region of another kind', () => {
    const memory = allocate(256);
    Region.create(description, memory);
    const message = "expected a region of 'interval', got one of 'test'";
    expect(thrownBy(() => Region.attach(memory, 'interval'))).toEqual(refused(message));
  });

  it('keeps names of up to 32 ASCII characters, and refuses others', () => {
    const kind = 'a name with 32 printable letters';
    const memory = allocate(256);
    Region.create({ ...description, kind, variant: kind.toUpperCase() }, memory);
    expect(Region.attach(memory, kind).variant).toBe(kind.toUpperCase());
    for (const bad of [`${kind}!`, 'naïf', 'new\nline']) {
      const message = `expected a name of at most 32 ASCII characters, got '${bad}'`;
      for (const name of ['kind', 'variant']) {
        const create = (): Region => Region.create({ ...description, [name]: bad }, allocate(256));
        expect(thrownBy(create)).toEqual(refused(message));
      }
    }
  });
});

describe('Region', () => {
  it.each([
    [new Uint8Array(256), 'Uint8Array'],
    [new DataView(new ArrayBuffer(256)), 'DataView'],
    [null, 'Null'],
    [{ byteLength: 256 }, 'Object'],
  ])('attach refuses %o instead of memory', (memory, came) => {
    const message = `expected an ArrayBuffer or a SharedArrayBuffer, got ${came}`;
    const notMemory = memory as unknown as ArrayBuffer;
    expect(thrownBy(() => Region.attach(notMemory, 'test'))).toEqual(refused(message));
  });

  it('create refuses a view, which it would copy', () => {
    const message = 'expected an ArrayBuffer or a SharedArrayBuffer, got Uint8Array';
    const view = new Uint8Array(256) as unknown as ArrayBuffer;
    expect(thrownBy(() => Region.create(description, view))).toEqual(refused(message));
  });

  it.each([0, 120, 132, 12.5, NaN, 2 ** 31])('refuses a byteLength of %d', (byteLength) => {
    const message = `expected byteLength to be a multiple of 8 from 128 to 2147483640, got ${byteLength}`;
    const create = (): Region => Region.create({ ...description, byteLength });
    expect(thrownBy(create)).toEqual(refused(message));
  });

  it.each([-1, 0.5, NaN, 2 ** 31])('refuses a capacity of %d', (capacity) => {
    const message = `expected capacity to be an integer from 0 to 2^31-1, got ${capacity}`;
    const create = (): Region => Region.create({ ...description, capacity });
    expect(thrownBy(create)).toEqual(refused(message));
  });

  it('is one object for one ArrayBuffer, wherever that came from', () => {
    const region = Region.create(description);
    expect(Region.attach(region.memory, 'test')).toBe(region);
    const received = structuredClone(region.memory);
    expect(Region.attach(received, 'test')).toBe(Region.attach(received, 'test'));
    expect(Region.attach(received, 'test')).not.toBe(region);
  });

  it('is an agent of its own for each attach to a SharedArrayBuffer', () => {
    const memory = new SharedArrayBuffer(256);
    const agents = [Region.create(description, memory).agent];
    for (let i = 0; i < 3; i++) agents.push(Region.attach(memory, 'test').agent);
    expect(agents).toEqual([1, 2, 3, 4]);
  });

  it('grows in one event loop: offsets, contents and identity stay', () => {
    const region = Region.create(description);
    const before = region.memory;
    region.words[40] = 42;
    region.wide[31] = 2 ** 53 - 1;
    region.grow(16, 512);
    expect(region.memory).not.toBe(before);
    expect(region.words[40]).toBe(42);
    expect(region.wide[31]).toBe(2 ** 53 - 1);
    expect(region.wide).toHaveLength(64);
    expect([...region.words.subarray(64)].every((word) => word === 0)).toBe(true);
    expect(Region.attach(region.memory, 'test')).toBe(region);
    expect(Region.attach(region.memory, 'test').capacity).toBe(16);
    const copy = Region.attach(structuredClone(region.memory), 'test');
    expect([copy.capacity, copy.words.length]).toEqual([16, 128]);
  });

  it('cannot be attached, nor laid out again, by the memory it had before it grew', () => {
    const region = Region.create(description);
    const before = region.memory;
    region.grow(16, 512);
    const message =
      'expected the memory of a region, got what it had before it grew: use region.memory';
    expect(thrownBy(() => Region.attach(before, 'test'))).toEqual(refused(message));
    expect(thrownBy(() => Region.create(description, before)).code).toBe('MMN_MEMORY');
  });

  it('keeps those who wait in it across growth', async () => {
    const region = Region.create(description);
    const index = headerWords;
    const queue = new WaitQueue(region, index);
    const waited = queue.waitUntil(() => region.load(40) === 1);
    region.grow(16, 512);
    region.store(40, 1);
    queue.wakeAll();
    await waited;
    expect(region.load(index + 1)).toBe(0);
  });

  it('takes more entries in as many bytes', () => {
    const region = Region.create(description);
    region.store(40, 7);
    region.grow(16, 256);
    expect([region.capacity, region.memory.byteLength, region.load(40)]).toEqual([16, 256, 7]);
  });

  it('does not shrink', () => {
    const region = Region.create(description);
    const message = 'expected to grow to at least 256 bytes, got 248';
    expect(thrownBy(() => region.grow(4, 248))).toEqual(refused(message));
    expect(region.capacity).toBe(8);
  });

  it('does not grow when shared', () => {
    const region = Region.create(description, new SharedArrayBuffer(256));
    expect(thrownBy(() => region.grow(16, 512))).toEqual({
      code: 'MMN_OUT_OF_CAPACITY',
      message:
        'expected at most 8 entries in this shared memory, got one more: create it with a larger capacity',
    });
  });
});

describe('the place of something in a region', () => {
  const roomy = { kind: 'test', capacity: 0, byteLength: 1 << 16 };

  it.each<[string, number, (region: Region, index: number) => { readonly index: number }]>([
    ['mutex', mutexWords, (region, index) => new Mutex(region, index)],
    ['spin lock', spinLockWords, (region, index) => new SpinLock(region, index)],
    ['rw semaphore', rwSemaphoreWords, (region, index) => new RwSemaphore(region, index)],
    ['wait queue', waitQueueWords, (region, index) => new WaitQueue(region, index)],
    ['SRCU domain', srcuWords, (region, index) => new Srcu(region, index)],
    ['mailbox', mailboxWords, (region, index) => new Mailbox(region, index, { blocks: false })],
  ])(
    'for a %s of %i words is behind the header, and all of it before the end',
    (what, count, place) => {
      const region = Region.create(roomy);
      const last = region.words.length - count;
      expect(place(region, headerWords).index).toBe(headerWords);
      expect(place(region, last).index).toBe(last);
      for (const wrong of [headerWords - 1, headerWords + 0.5, last + 1, -1, NaN, Infinity]) {
        const message = `expected the index of the ${what}'s ${count} words to be an integer from ${headerWords} to ${last}, got ${wrong}`;
        expect(thrownBy(() => place(region, wrong))).toEqual(refused(message));
      }
    },
  );
});

describe('isShared', () => {
  it.each(memories)('knows $memory', ({ allocate, shared }) => {
    expect(isShared(allocate(8))).toBe(shared);
  });
});
