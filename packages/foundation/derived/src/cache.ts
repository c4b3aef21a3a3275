/**
 * A cache of values that were derived from ranges, by key.
 *
 * 1. A value is served from the moment it was installed until the start of the first section that hits one of the
 *    ranges it was derived from.
 * 2. One build for a key at a time, whoever asks. But a caller never joins a build that has collided already: that
 *    one goes on for nothing, and the caller starts another.
 *
 *     invalidator                caller A              caller B
 *     -------------------------- --------------------- ---------------------
 *                                get(key): build 1
 *                                  reads the range
 *     section over the range
 *                                                      get(key): build 2
 *                                  build 1 is refused
 *                                  A waits for build 2
 *     Required: both get what build 2 read.                                                 [C1]
 *
 * 3. `invalidateAll` is a section over everything, for changes that nobody told of: what was built is dropped, and
 *    builds on their way have collided.                                                     [C2]
 * 4. Builds for a key that collide one after the other are counted together, whoever started them: after
 *    `attemptsMax` of them sections are kept waiting for the next. So a steady writer starves nobody.  [C3]
 *
 * One event loop only, as core's `derive`, on which it stands.
 */
import {
  abortable,
  checkFunction,
  checkMethod,
  derive,
  NotifierError,
  type Derivation,
  type MaybePromise,
  type Notifier,
  type Reading,
} from '@mmu-notifier/core';

/** Options of {@link createDerivedCache}. */
export interface DerivedCacheOptions<K, V> {
  /**
   * Derives the value of a key: `await reading.add(span)` before a range is read, then read it. What it throws goes to
   * everybody who waits, and nothing is kept; unless it has collided: then it is run again.
   *
   * @param signal aborts when nobody waits any more, or the cache is closed
   */
  readonly build: (key: K, reading: Reading, signal: AbortSignal) => MaybePromise<V>;
  /** What tells keys apart, as in a Map. Default the key itself; for objects, something made of their fields. */
  readonly keyOf?: (key: K) => unknown;
  /** Called for each value that is dropped, once: to give back what it holds. Sections wait for its promise. */
  readonly discard?: (value: V, key: K) => MaybePromise<void>;
  /** Most values to keep; the one that was not asked for the longest goes first. Default no bound. */
  readonly valuesMax?: number;
  /** Builds in a row that may collide before sections are kept waiting. Default 4; at least 1. */
  readonly attemptsMax?: number;
}

/** Counts since the cache was made. */
export interface DerivedCacheCounters {
  /** `get` calls answered from the cache. */
  hits: number;
  /** `get` calls that started a build. */
  misses: number;
  /** `get` calls that joined a build of somebody else's. */
  joins: number;
  /** Builds that collided. */
  collisions: number;
  /** Values dropped because a section hit what they were derived from, or by `invalidateAll`. */
  invalidations: number;
  /** Values dropped because there were too many. */
  evictions: number;
}

/** Options of {@link DerivedCache.get}. */
export interface GetOptions {
  /** This caller gives up; the build goes on as long as somebody waits for it. */
  readonly signal?: AbortSignal;
}

/** A build on its way, or what became of it. */
class Build<V> {
  /** What callers wait for. Rejects when it has collided. */
  value!: Promise<V>;
  derivation!: Promise<Derivation<V>>;
  readonly controller = new AbortController();
  callers = 0;
  hasCollided = false;
  isSettled = false;
}

/** A value that is served, and the build that made it. */
interface Kept<V> {
  readonly value: V;
  readonly build: Build<V>;
}

/** What is known of a key. In the map as long as it has a value, or callers. */
interface Entry<K, V> {
  /** What tells it apart. */
  readonly id: unknown;
  readonly key: K;
  kept: Kept<V> | undefined;
  /** A build that may be joined. */
  build: Build<V> | undefined;
  /** Builds that collided since the last one that did not. */
  collisions: number;
  callers: number;
}

/**
 * Makes a cache.
 *
 *     const tiles = createDerivedCache(notifier, {
 *       async build(tile: number, reading) {
 *         await reading.add({ start: tile * 4096, end: (tile + 1) * 4096 });
 *         return decode(bytes.subarray(tile * 4096, (tile + 1) * 4096));
 *       },
 *     });
 *     await tiles.get(3);
 *
 * @throws NotifierError `MMN_OPTION`
 */
export function createDerivedCache<K, V>(
  notifier: Notifier,
  options: DerivedCacheOptions<K, V>,
): DerivedCache<K, V> {
  return new DerivedCache(notifier, options);
}

/** See the file's head. */
export class DerivedCache<K, V> implements AsyncDisposable {
  readonly counters: DerivedCacheCounters = {
    hits: 0,
    misses: 0,
    joins: 0,
    collisions: 0,
    invalidations: 0,
    evictions: 0,
  };
  readonly #notifier: Notifier;
  readonly #options: DerivedCacheOptions<K, V>;
  readonly #valuesMax: number;
  readonly #attemptsMax: number;
  /** In the order of the last `get`, oldest first. */
  readonly #entries = new Map<unknown, Entry<K, V>>();
  /** On their way, also those that have collided. */
  readonly #builds = new Set<Build<V>>();
  #size = 0;
  #closing: Promise<void> | undefined;

  /** @internal use `createDerivedCache` */
  constructor(notifier: Notifier, options: DerivedCacheOptions<K, V>) {
    checkMethod(notifier, 'subscribe', 'notifier');
    checkFunction(options?.build, 'options.build');
    this.#notifier = notifier;
    this.#options = options;
    this.#valuesMax = atLeastOne(options.valuesMax ?? Infinity, 'valuesMax');
    this.#attemptsMax = atLeastOne(options.attemptsMax ?? 4, 'attemptsMax');
  }

  /** Values kept now. */
  get size(): number {
    return this.#size;
  }

  /** The value of a key, if there is a valid one now. Never waits, starts nothing. */
  peek(key: K): V | undefined {
    return this.#entries.get(this.#idOf(key))?.kept?.value;
  }

  /**
   * The value of a key, built if need be. It was valid at some moment after the call; a section may have hit it before
   * the caller goes on after its `await`.
   *
   * @throws what `build` throws; the signal's reason; NotifierError `MMN_CLOSED`, and as core's `derive`
   */
  async get(key: K, { signal }: GetOptions = {}): Promise<V> {
    signal?.throwIfAborted();
    if (this.#closing !== undefined) throw closed();
    const entry = this.#entryOf(key);
    entry.callers++;
    try {
      return await this.#get(entry, signal);
    } finally {
      entry.callers--;
      this.#forgetUnused(entry);
    }
  }

  /**
   * Drops everything: for when changes may have been missed, as after a lost connection to whoever tells of them.
   * Callers who wait get what is built after this call. A promise if `discard` returned one.
   */
  invalidateAll(): MaybePromise<void> {
    const discarded: Promise<void>[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.build !== undefined) this.#collide(entry, entry.build);
      if (entry.kept === undefined) continue;
      this.counters.invalidations++;
      const dropped = this.#drop(entry, entry.kept);
      if (dropped !== undefined) discarded.push(dropped);
    }
    return discarded.length === 0 ? undefined : Promise.all(discarded).then(() => {});
  }

  /** Drops everything, and lets go of every range. Callers who wait are told `MMN_CLOSED`. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const closings: MaybePromise<void>[] = [];
    for (const { controller } of this.#builds) controller.abort(closed());
    for (const entry of this.#entries.values()) {
      if (entry.kept === undefined) continue;
      const { derivation } = entry.kept.build;
      closings.push(
        this.#drop(entry, entry.kept),
        derivation.then((derived) => derived.close()),
      );
    }
    await Promise.all(closings);
  }

  async #get(entry: Entry<K, V>, signal: AbortSignal | undefined): Promise<V> {
    for (;;) {
      if (entry.kept !== undefined) {
        this.counters.hits++;
        return entry.kept.value;
      }
      const build = entry.build ?? this.#start(entry);
      try {
        return await this.#join(entry, build, signal);
      } catch (error) {
        if (!build.hasCollided || signal?.aborted === true) throw error;
        if (this.#closing !== undefined) throw closed();
      }
    }
  }

  #idOf(key: K): unknown {
    return this.#options.keyOf === undefined ? key : this.#options.keyOf(key);
  }

  /** The entry of a key, now the youngest. */
  #entryOf(key: K): Entry<K, V> {
    const id = this.#idOf(key);
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { id, key, kept: undefined, build: undefined, collisions: 0, callers: 0 };
    }
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    return entry;
  }

  #forgetUnused(entry: Entry<K, V>): void {
    if (entry.kept !== undefined || entry.callers > 0) return;
    if (this.#entries.get(entry.id) === entry) this.#entries.delete(entry.id);
  }

  /** Waits for a build; the last to go away stops it. */
  async #join(entry: Entry<K, V>, build: Build<V>, signal: AbortSignal | undefined): Promise<V> {
    if (build.callers++ > 0) this.counters.joins++;
    try {
      return await abortable(build.value, signal);
    } finally {
      if (--build.callers === 0 && !build.isSettled) {
        if (entry.build === build) entry.build = undefined;
        build.controller.abort(new Error('nobody waits for this build any more'));
      }
    }
  }

  #start(entry: Entry<K, V>): Build<V> {
    this.counters.misses++;
    const build = new Build<V>();
    const { signal } = build.controller;
    const holds = entry.collisions >= this.#attemptsMax;
    entry.build = build;
    this.#builds.add(build);
    build.derivation = derive<V>(this.#notifier, {
      read: (reading) => {
        if (build.hasCollided) throw givenUp(); // by invalidateAll, before it started again
        return this.#options.build(entry.key, reading, signal);
      },
      install: (value) => this.#install(entry, build, value),
      invalidate: () => this.#invalidate(entry, build),
      onCollision: () => holds || this.#collide(entry, build),
      signal,
      attemptsMax: 1,
      whenExhausted: holds ? 'lock' : 'throw', // one that keeps sections waiting starts again by itself
    });
    build.value = this.#settle(entry, build);
    return build;
  }

  async #settle(entry: Entry<K, V>, build: Build<V>): Promise<V> {
    try {
      return (await build.derivation).value;
    } finally {
      build.isSettled = true;
      this.#builds.delete(build);
      if (entry.build === build) entry.build = undefined;
    }
  }

  #collide(entry: Entry<K, V>, build: Build<V>): void {
    if (build.hasCollided) return;
    build.hasCollided = true;
    this.counters.collisions++;
    entry.collisions++;
    if (entry.build === build) entry.build = undefined;
  }

  /** Nobody runs between the look at the ranges and this. */
  #install(entry: Entry<K, V>, build: Build<V>, value: V): void {
    const isWanted = this.#closing === undefined && this.#entries.get(entry.id) === entry;
    if (build.hasCollided || !isWanted) throw givenUp();
    entry.build = undefined;
    entry.collisions = 0;
    entry.kept = { value, build };
    this.#size++;
    if (this.#size > this.#valuesMax) this.#evict();
  }

  #invalidate(entry: Entry<K, V>, build: Build<V>): MaybePromise<void> {
    if (entry.kept?.build !== build) return undefined;
    this.counters.invalidations++;
    return this.#drop(entry, entry.kept);
  }

  /** The value that was asked for the longest ago. Its `discard` is waited for by nobody. */
  #evict(): void {
    for (const entry of this.#entries.values()) {
      const { kept } = entry;
      if (kept === undefined) continue;
      this.counters.evictions++;
      void (async () => this.#drop(entry, kept))();
      return;
    }
  }

  /** Serves it no longer. */
  #drop(entry: Entry<K, V>, { value, build }: Kept<V>): MaybePromise<void> {
    entry.kept = undefined;
    this.#size--;
    this.#forgetUnused(entry);
    void build.derivation.then((derived) => derived.close());
    return this.#options.discard?.(value, entry.key);
  }
}

function atLeastOne(count: number, name: string): number {
  if (count >= 1 && (Number.isSafeInteger(count) || count === Infinity)) return count;
  throw new NotifierError(
    'MMN_OPTION',
    `expected ${name} to be an integer of at least 1, got ${String(count)}`,
  );
}

/** Nobody sees it: who waited for the build waits for the next one, or is gone. */
function givenUp(): Error {
  return new Error('the build was given up before it was installed');
}

function closed(): NotifierError {
  return new NotifierError('MMN_CLOSED', 'expected an open cache, got a closed one');
}
