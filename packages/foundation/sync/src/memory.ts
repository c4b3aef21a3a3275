/**
 * Regions: the words that a structure lives in.
 *
 * 1. A region is an ArrayBuffer (one event loop: plain reads and writes) or a SharedArrayBuffer (many agents:
 *    Atomics). The same code serves both and asks `region.shared`; the branch is always taken the same way.
 * 2. The first {@link headerWords} words describe the region: magic, layout version, kind, variant, capacity.
 *    `attach` checks each of them and says which one is wrong.
 * 3. Word offsets count 32-bit words from the region's start, wide offsets 64-bit ones. A wide word is a
 *    Float64: an integer up to 2^53-1, or an infinity. Only 32-bit words are accessed atomically.
 * 4. In one event loop a region may grow: `words` and `wide` are then new views, so nobody keeps them.
 */
import { NotifierError } from '@mmu-notifier/core';

/** Words of the header; a structure's own words start here. */
export const headerWords = 32;

const magic = 0x6d_6d_75_6e; // 'mmun'
const layoutVersion = 1;

/*
 *  word   0       1         2          3          4       5 … 7    8 … 15   16 … 23   24 … 31
 *       magic  version  capacity  byteLength  nextAgent  unused    kind    variant    unused
 */
const headerAt = {
  magic: 0,
  version: 1,
  capacity: 2,
  byteLength: 3,
  nextAgent: 4,
  kind: 8,
  variant: 16,
} as const;
const nameBytesMax = 32;

/** Whether memory is shared. By tag and not by `instanceof`: without isolation browsers lack the constructor. */
export function isShared(memory: ArrayBufferLike): memory is SharedArrayBuffer {
  return Object.prototype.toString.call(memory) === '[object SharedArrayBuffer]';
}

/** What `Region.create` writes into the header and `attach` checks. */
export interface RegionDescription {
  /** What lives here: a strategy's name. At most 32 ASCII characters. */
  readonly kind: string;
  readonly variant?: string;
  readonly capacity: number;
  /** Bytes that the structure needs, header included. */
  readonly byteLength: number;
}

/** Words in a caller's memory, seen from one agent. */
export class Region {
  /** 32-bit words. Never keep it: growth replaces it. */
  words: Int32Array;
  /** 64-bit words over the same bytes. */
  wide: Float64Array;
  memory: ArrayBufferLike;
  readonly shared: boolean;
  /** This agent's number in this region: 1, 2, … Written into the locks that it holds. */
  readonly agent: number;

  private constructor(memory: ArrayBufferLike, byteLength: number) {
    this.memory = memory;
    this.shared = isShared(memory);
    this.words = new Int32Array(memory, 0, byteLength >>> 2);
    this.wide = new Float64Array(memory, 0, byteLength >>> 3);
    this.agent = this.shared
      ? Atomics.add(this.words, headerAt.nextAgent, 1) + 1
      : (this.words[headerAt.nextAgent] = this.words[headerAt.nextAgent]! + 1);
  }

  /**
   * Lays out a region in `memory`, or in an ArrayBuffer of its own, and writes the header last. The memory must be zero.
   *
   * @throws NotifierError `MMN_MEMORY`
   */
  static create(description: RegionDescription, memory?: ArrayBufferLike): Region {
    const { byteLength, capacity, kind, variant = '' } = description;
    const target = memory ?? new ArrayBuffer(byteLength);
    checkBytes(target, byteLength);
    const words = new Int32Array(target, 0, byteLength >>> 2);
    if (words[headerAt.magic] !== 0) {
      throw new NotifierError(
        'MMN_MEMORY',
        'expected memory that is zero, got some that is in use',
      );
    }
    words[headerAt.version] = layoutVersion;
    words[headerAt.capacity] = capacity;
    words[headerAt.byteLength] = byteLength;
    writeName(words, headerAt.kind, kind);
    writeName(words, headerAt.variant, variant);
    if (isShared(target)) Atomics.store(words, headerAt.magic, magic);
    else words[headerAt.magic] = magic;
    const region = new Region(target, byteLength);
    if (!region.shared) localRegions.set(target, region);
    return region;
  }

  /**
   * Finds the region that `create` laid out in this memory. In one event loop it is the same object.
   *
   * @throws NotifierError `MMN_MEMORY`
   */
  static attach(memory: ArrayBufferLike, kind: string): Region {
    checkBytes(memory, headerWords * 4);
    const words = new Int32Array(memory, 0, headerWords);
    const magicHere = isShared(memory)
      ? Atomics.load(words, headerAt.magic)
      : words[headerAt.magic];
    if (magicHere !== magic) {
      const came = (magicHere! >>> 0).toString(16);
      throw new NotifierError(
        'MMN_MEMORY',
        `expected a region laid out by create (magic 6d6d756e), got magic ${came}`,
      );
    }
    if (words[headerAt.version] !== layoutVersion) {
      throw new NotifierError(
        'MMN_MEMORY',
        `expected layout version ${layoutVersion}, got ${words[headerAt.version]}`,
      );
    }
    const kindHere = readName(words, headerAt.kind);
    if (kindHere !== kind) {
      throw new NotifierError(
        'MMN_MEMORY',
        `expected a region of '${kind}', got one of '${kindHere}'`,
      );
    }
    const byteLength = words[headerAt.byteLength]!;
    checkBytes(memory, byteLength);
    return localRegions.get(memory) ?? new Region(memory, byteLength);
  }

  get capacity(): number {
    return this.words[headerAt.capacity]!;
  }

  get variant(): string {
    return readName(this.words, headerAt.variant);
  }

  /** Reads a word that others may write at the same time. Pairs with {@link store}. */
  load(index: number): number {
    return this.shared ? Atomics.load(this.words, index) : this.words[index]!;
  }

  /** Writes a word that others may read at the same time. Pairs with {@link load}. */
  store(index: number, value: number): void {
    if (this.shared) Atomics.store(this.words, index, value);
    else this.words[index] = value;
  }

  /** Adds to a word; returns what it held before. */
  add(index: number, value: number): number {
    if (this.shared) return Atomics.add(this.words, index, value);
    const before = this.words[index]!;
    this.words[index] = before + value;
    return before;
  }

  /** Writes a word; returns what it held before. */
  exchange(index: number, value: number): number {
    if (this.shared) return Atomics.exchange(this.words, index, value);
    const before = this.words[index]!;
    this.words[index] = value;
    return before;
  }

  /** Writes a word if it holds `expected`; returns whether it did. */
  compareExchange(index: number, expected: number, value: number): boolean {
    if (this.shared)
      return Atomics.compareExchange(this.words, index, expected, value) === expected;
    if (this.words[index] !== expected) return false;
    this.words[index] = value;
    return true;
  }

  /**
   * Moves to a larger ArrayBuffer, in one event loop only. All offsets stay valid.
   *
   * @throws NotifierError `MMN_OUT_OF_CAPACITY` in shared memory, which other agents have mapped
   */
  grow(capacity: number, byteLength: number): void {
    if (this.shared) {
      throw new NotifierError(
        'MMN_OUT_OF_CAPACITY',
        `expected at most ${this.capacity} entries in this shared memory, got one more: create it with a larger capacity`,
      );
    }
    const larger = new ArrayBuffer(byteLength);
    const words = new Int32Array(larger);
    words.set(this.words);
    words[headerAt.capacity] = capacity;
    words[headerAt.byteLength] = byteLength;
    localRegions.delete(this.memory);
    localRegions.set(larger, this);
    this.memory = larger;
    this.words = words;
    this.wide = new Float64Array(larger);
  }
}

/** One region object for each ArrayBuffer: who waits in one event loop waits in an object, not in words. */
const localRegions = new WeakMap<ArrayBufferLike, Region>();

function checkBytes(memory: ArrayBufferLike, byteLength: number): void {
  const came: unknown = memory?.byteLength;
  if (typeof came !== 'number') {
    throw new NotifierError(
      'MMN_MEMORY',
      `expected an ArrayBuffer or a SharedArrayBuffer, got ${memory === null ? 'null' : typeof memory}`,
    );
  }
  if (came < byteLength) {
    throw new NotifierError('MMN_MEMORY', `expected at least ${byteLength} bytes, got ${came}`);
  }
}

function writeName(words: Int32Array, at: number, name: string): void {
  if (name.length > nameBytesMax) {
    throw new NotifierError(
      'MMN_MEMORY',
      `expected a name of at most 32 characters, got '${name}'`,
    );
  }
  for (let i = 0; i < name.length; i++) {
    words[at + (i >> 2)] = words[at + (i >> 2)]! | (name.charCodeAt(i) << ((i & 3) << 3));
  }
}

function readName(words: Int32Array, at: number): string {
  let name = '';
  for (let i = 0; i < nameBytesMax; i++) {
    const code = (words[at + (i >> 2)]! >>> ((i & 3) << 3)) & 0xff;
    if (code === 0) break;
    name += String.fromCharCode(code);
  }
  return name;
}
