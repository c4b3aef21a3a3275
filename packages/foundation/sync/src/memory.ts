/**
 * Regions: the words that a structure lives in.
 *
 * 1. A region is an ArrayBuffer (one event loop: plain reads and writes) or a SharedArrayBuffer (many agents:
 *    Atomics). The same code serves both and asks `region.shared`; the branch is always taken the same way.
 * 2. The first {@link headerWords} words describe the region: magic, layout version, kind, variant, capacity.
 *    `attach` checks them and says which one is wrong. The magic is written last, and read first.
 * 3. Word offsets count 32-bit words from the region's start, wide offsets 64-bit ones. A wide word is a
 *    Float64: an integer up to 2^53-1, or an infinity. Only 32-bit words are accessed atomically.
 * 4. In one event loop a region may grow: `words` and `wide` are then new views, so nobody keeps them.
 * 5. In one event loop there is one Region for each ArrayBuffer, since who waits there waits in an object. In
 *    shared memory each `attach` is an agent of its own: a worker attaches once and passes its Region around.
 */
import { NotifierError } from '@mmu-notifier/core';
import * as headerAt from './header.ts';
import { thisAgent } from './this-agent.ts';

/** Words of the header; a structure's own words start here. */
export const headerWords = 32;

/** States of the first word, besides 0. */
const magic = 0x6d_6d_75_6e; // 'mmun'
const magicOfCreation = 1;
const magicOfMoved = 2;
const layoutVersion = 1;

const nameBytesMax = 32;
const bytesMax = 2 ** 31 - 8;

/** Whether memory is shared. By tag and not by `instanceof`: without isolation browsers lack the constructor. */
export function isShared(memory: ArrayBufferLike): memory is SharedArrayBuffer {
  return Object.prototype.toString.call(memory) === '[object SharedArrayBuffer]';
}

/** What `Region.create` writes into the header and `attach` checks. */
export interface RegionDescription {
  /** What lives here: a strategy's name. At most 32 ASCII characters, as the variant's. */
  readonly kind: string;
  readonly variant?: string;
  /** Entries, in the structure's own measure. */
  readonly capacity: number;
  /** Bytes that the structure needs, header included: a multiple of 8, below 2^31. */
  readonly byteLength: number;
}

/**
 * Words in a caller's memory, seen from one agent.
 *
 * Its fields are declared, so that only the constructor defines them. Defined as `undefined` first and then written, they
 * would be variables of any type to the engine, to be checked at every use. So in all classes of the hot path.
 */
export class Region {
  /** 32-bit words. Never keep it: growth replaces it. */
  declare words: Int32Array;
  /** 64-bit words over the same bytes. */
  declare wide: Float64Array;
  declare memory: ArrayBufferLike;
  declare readonly shared: boolean;
  /** This agent's number: that of its thread if `spawnAgent` gave it one, else 1, 2, … Written into the locks that it holds. */
  declare readonly agent: number;

  private constructor(memory: ArrayBufferLike, byteLength: number) {
    this.memory = memory;
    this.shared = isShared(memory);
    this.words = new Int32Array(memory, 0, byteLength >>> 2);
    this.wide = new Float64Array(memory, 0, byteLength >>> 3);
    this.agent = this.shared
      ? thisAgent() || Atomics.add(this.words, headerAt.nextAgent, 1) + 1
      : (this.words[headerAt.nextAgent] = this.words[headerAt.nextAgent]! + 1);
  }

  /**
   * Lays out a region in `memory`, or in an ArrayBuffer of its own. The memory must be zero. Other agents may
   * attach as soon as this returns, so the caller hands the memory to them when its own words are laid out too.
   *
   * @throws NotifierError `MMN_MEMORY`
   */
  static create(description: RegionDescription, memory?: ArrayBufferLike): Region {
    const { byteLength, capacity, kind, variant = '' } = description;
    checkNumbers(byteLength, capacity);
    checkName(kind);
    checkName(variant);
    const target = memory ?? new ArrayBuffer(byteLength);
    checkBytes(target, byteLength);
    const words = new Int32Array(target, 0, byteLength >>> 2);
    const shared = isShared(target);
    let used = false;
    for (let at = headerAt.magic + 1; at < headerWords; at++) used ||= words[at] !== 0;
    used ||= shared
      ? Atomics.compareExchange(words, headerAt.magic, 0, magicOfCreation) !== 0
      : words[headerAt.magic] !== 0;
    if (used) refuse('expected memory that is zero, got some that is in use');
    words[headerAt.version] = layoutVersion;
    words[headerAt.capacity] = capacity;
    words[headerAt.byteLength] = byteLength;
    writeName(words, headerAt.kind, kind);
    writeName(words, headerAt.variant, variant);
    if (shared) Atomics.store(words, headerAt.magic, magic);
    else words[headerAt.magic] = magic;
    return Region.#open(target, byteLength);
  }

  /**
   * Finds the region that `create` laid out in this memory. In one event loop it is the same object.
   *
   * @throws NotifierError `MMN_MEMORY`
   */
  static attach(memory: ArrayBufferLike, kind: string): Region {
    checkBytes(memory, headerWords * 4);
    const words = new Int32Array(memory, 0, headerWords);
    checkMagic(isShared(memory) ? Atomics.load(words, headerAt.magic) : words[headerAt.magic]!);
    const version = words[headerAt.version]!;
    if (version !== layoutVersion) {
      refuse(`expected layout version ${layoutVersion}, got ${version}`);
    }
    const kindHere = readName(words, headerAt.kind);
    if (kindHere !== kind) {
      refuse(`expected a region of '${kind}', got one of '${kindHere}'`);
    }
    const byteLength = words[headerAt.byteLength]!;
    checkNumbers(byteLength, words[headerAt.capacity]!);
    checkBytes(memory, byteLength);
    return localRegions.get(memory) ?? Region.#open(memory, byteLength);
  }

  static #open(memory: ArrayBufferLike, byteLength: number): Region {
    const region = new Region(memory, byteLength);
    if (!region.shared) localRegions.set(memory, region);
    return region;
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
   * Moves to a larger ArrayBuffer, in one event loop only. All offsets stay valid; the former memory cannot be
   * attached any more.
   *
   * @throws NotifierError `MMN_OUT_OF_CAPACITY` in shared memory, which other agents have mapped; `MMN_MEMORY`
   */
  grow(capacity: number, byteLength: number): void {
    if (this.shared) {
      throw new NotifierError(
        'MMN_OUT_OF_CAPACITY',
        `expected at most ${this.capacity} entries in this shared memory, got one more: create it with a larger capacity`,
      );
    }
    checkNumbers(byteLength, capacity);
    if (byteLength < this.words.byteLength) {
      refuse(`expected to grow to at least ${this.words.byteLength} bytes, got ${byteLength}`);
    }
    const larger = new ArrayBuffer(byteLength);
    const words = new Int32Array(larger);
    words.set(this.words);
    words[headerAt.capacity] = capacity;
    words[headerAt.byteLength] = byteLength;
    this.words[headerAt.magic] = magicOfMoved;
    localRegions.delete(this.memory);
    localRegions.set(larger, this);
    this.memory = larger;
    this.words = words;
    this.wide = new Float64Array(larger);
  }
}

/** One region object for each ArrayBuffer: who waits in one event loop waits in an object, not in words. */
const localRegions = new WeakMap<ArrayBufferLike, Region>();

function refuse(message: string): never {
  throw new NotifierError('MMN_MEMORY', message);
}

/** By tag, and not by what has a `byteLength`: a view would be copied instead of shared. */
function checkBytes(memory: ArrayBufferLike, byteLength: number): void {
  const tag = Object.prototype.toString.call(memory).slice(8, -1);
  if (tag !== 'ArrayBuffer' && tag !== 'SharedArrayBuffer') {
    refuse(`expected an ArrayBuffer or a SharedArrayBuffer, got ${tag}`);
  }
  if (memory.byteLength < byteLength) {
    refuse(`expected at least ${byteLength} bytes, got ${memory.byteLength}`);
  }
}

function checkNumbers(byteLength: number, capacity: number): void {
  if (byteLength % 8 !== 0 || byteLength < headerWords * 4 || byteLength > bytesMax) {
    refuse(
      `expected byteLength to be a multiple of 8 from ${headerWords * 4} to ${bytesMax}, got ${byteLength}`,
    );
  }
  if (!Number.isInteger(capacity) || capacity < 0 || capacity >= 2 ** 31) {
    refuse(`expected capacity to be an integer from 0 to 2^31-1, got ${capacity}`);
  }
}

/** Whether something's words lie in a region, behind its header. @throws NotifierError `MMN_MEMORY` */
export function checkPlace({ words }: Region, index: number, count: number, what: string): void {
  const last = words.length - count;
  if (Number.isInteger(index) && index >= headerWords && index <= last) return;
  refuse(
    `expected the index of the ${what}'s ${count} words to be an integer from ${headerWords} to ${last}, got ${String(index)}`,
  );
}

function checkMagic(word: number): void {
  if (word === magic) return;
  if (word === magicOfCreation) refuse('expected a region, got one whose create has not returned');
  if (word === magicOfMoved) {
    refuse('expected the memory of a region, got what it had before it grew: use region.memory');
  }
  refuse(
    `expected a region laid out by create (magic ${magic.toString(16)}), got magic ${(word >>> 0).toString(16)}`,
  );
}

function checkName(name: string): void {
  if (typeof name !== 'string' || name.length > nameBytesMax || !/^[\x20-\x7e]*$/.test(name)) {
    refuse(`expected a name of at most ${nameBytesMax} ASCII characters, got '${String(name)}'`);
  }
}

function writeName(words: Int32Array, at: number, name: string): void {
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
