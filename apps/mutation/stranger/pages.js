/**
 * A strategy as a stranger would write it, in JavaScript, with nothing of ours but the types of its errors: a Map of pages with a
 * version each. A read remembers the versions' sum over its span, and a publication compares it. One event loop.
 *
 * It has no callbacks that sleep in sections that must wait for them in order, but does wait for each; spans are small.
 */
import {
  callbackAsync,
  callbackFailed,
  callbackRefused,
  checkSpan,
  NotifierError,
  OpsRegistry,
  SectionTable,
} from '@mmu-notifier/core';

const traits = Object.freeze({
  name: 'pages',
  variant: 'map',
  summary: 'a Map of pages with a version each',
  correct: true,
  filtersByRange: true,
  retryScope: 'subscription',
  defersChanges: false,
  subscribeWaits: false,
  twoPass: true,
  filtersByOwner: false,
  modes: Object.freeze(['event-loop']),
  knownRaces: Object.freeze([]),
});

/** A lock with a queue of those who wait. */
class Lock {
  #held = false;
  #waiting = [];

  tryLock() {
    if (this.#held) return false;
    return (this.#held = true);
  }

  lock(signal) {
    if (this.tryLock()) return undefined;
    return new Promise((resolve, reject) => {
      const entry = { resolve };
      this.#waiting.push(entry);
      signal?.addEventListener('abort', () => {
        const at = this.#waiting.indexOf(entry);
        if (at >= 0) this.#waiting.splice(at, 1);
        if (at >= 0) reject(signal.reason);
      });
    });
  }

  lockSync() {
    if (!this.tryLock()) throw wouldBlock();
  }

  unlock() {
    const next = this.#waiting.shift();
    if (next === undefined) this.#held = false;
    else next.resolve();
  }
}

const wouldBlock = () =>
  new NotifierError('MMN_WOULD_BLOCK', 'expected not to wait in one event loop, got a wait');
const overlaps = (a, b) => a.start < b.end && b.start < a.end;
const isPromise = (value) => typeof value?.then === 'function';

class PagesSubscription {
  isOpen = true;
  /** Sections that hit it so far: what stands for its pages' versions. */
  version = 0;
  /** Callbacks and installs that run. */
  busy = 0;

  constructor(notifier, span, ops, cookie) {
    Object.assign(this, { notifier, ops, cookie, start: span.start, end: span.end });
    this.lock = ops.lock ?? new Lock();
  }

  check() {
    if (!this.isOpen) throw new NotifierError('MMN_CLOSED', 'expected an open one, got a closed');
    this.notifier.checkLiving();
  }

  get hit() {
    return this.notifier.open.some((section) => overlaps(section, this));
  }

  readBegin(signal) {
    this.check();
    return this.hit ? this.#wait(signal) : this.version;
  }

  readBeginSync() {
    this.check();
    if (this.hit) throw wouldBlock();
    return this.version;
  }

  async #wait(signal) {
    const before = this.version;
    const sections = this.notifier.open.filter((section) => overlaps(section, this));
    await this.notifier.until(
      () => !sections.some((each) => this.notifier.open.includes(each)),
      signal,
    );
    this.check();
    return this.hit ? before : this.version;
  }

  checkRetry(seq) {
    return this.version !== seq;
  }

  publish(seq, install, signal) {
    this.check();
    const waited = this.lock.lock(signal);
    if (waited === undefined) return this.publishLocked(seq, install);
    return this.during(async () => {
      await waited;
      return this.publishLocked(seq, install);
    });
  }

  publishSync(seq, install) {
    this.check();
    this.lock.lockSync();
    const published = this.publishLocked(seq, install);
    if (isPromise(published)) throw callbackAsync(published);
    return published;
  }

  publishLocked(seq, install) {
    let result;
    try {
      this.check();
      if (this.hit || this.version !== seq) result = false;
      else result = install();
    } catch (error) {
      this.lock.unlock();
      throw error;
    }
    if (!isPromise(result)) {
      this.lock.unlock();
      return result !== false;
    }
    return this.during(async () => {
      try {
        await result;
        return true;
      } finally {
        this.lock.unlock();
      }
    });
  }

  async during(work) {
    this.busy++;
    try {
      return await work();
    } finally {
      this.busy--;
      this.notifier.changed();
    }
  }

  close(signal) {
    this.notifier.checkOutside();
    this.isOpen = false;
    this.notifier.subscriptions.delete(this);
    if (this.busy === 0) return undefined;
    return this.notifier.until(() => this.busy === 0, signal);
  }

  closeSync() {
    if (this.close() !== undefined) throw wouldBlock();
  }
}

class PagesNotifier {
  traits = traits;
  open = [];
  subscriptions = new Set();
  #sections = new SectionTable();
  #registry = new OpsRegistry();
  #released = false;
  #depth = 0;
  #waiting = new Set();

  checkLiving() {
    if (this.#released) throw new NotifierError('MMN_RELEASED', 'expected it in use, got released');
  }

  checkOutside() {
    if (this.#depth > 0)
      throw new NotifierError('MMN_IN_CALLBACK', 'expected no callback, got one');
  }

  changed() {
    for (const look of this.#waiting) look();
  }

  until(condition, signal) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition() && !this.#released) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      signal?.addEventListener('abort', () => {
        this.#waiting.delete(look);
        reject(signal.reason);
      });
      look();
    });
  }

  subscribe(span, ops, { cookie = 0 } = {}) {
    checkSpan(span, 'span');
    if ((cookie | 0) !== cookie)
      throw new NotifierError('MMN_OPTION', 'expected 32 bits, got more');
    this.checkLiving();
    const subscription = new PagesSubscription(
      this,
      span,
      this.#registry.resolve(ops, false),
      cookie,
    );
    this.subscriptions.add(subscription);
    return subscription;
  }

  subscribeSync(span, ops, options) {
    return this.subscribe(span, ops, options);
  }

  registerOps(id, ops) {
    this.#registry.register(id, ops);
  }

  invalidateRangeStart(range, signal) {
    return this.#begin(this.#sections.open(range, true), 'plain', signal);
  }

  invalidateRangeStartSync(range) {
    return this.#begin(this.#sections.open(range, true), 'sync');
  }

  tryInvalidateRangeStart(range) {
    return this.#begin(this.#sections.open(range, false), 'try');
  }

  invalidateRangeEnd(handle) {
    this.#end(this.#sections.find(handle));
  }

  invalidateRangeEndSync(handle) {
    this.invalidateRangeEnd(handle);
  }

  release(signal) {
    const section = this.#beginRelease();
    const started = this.#run(this.#steps(section, 'plain', true), signal);
    return isPromise(started) ? started.then(() => {}) : undefined;
  }

  releaseSync() {
    this.#run(this.#steps(this.#beginRelease(), 'sync', true));
  }

  #beginRelease() {
    this.checkOutside();
    this.checkLiving();
    this.#released = true;
    this.changed();
    return this.#sections.open({ start: 0, end: Number.MAX_SAFE_INTEGER, event: 'RELEASE' }, true);
  }

  verify() {}

  #begin(section, mode, signal) {
    return this.#run(this.#steps(section, mode, false, signal), signal);
  }

  #end(section) {
    this.open = this.open.filter((each) => each !== section);
    this.#sections.close(section);
    this.changed();
  }

  /** Runs steps: at once as far as nobody waits. */
  #run(steps) {
    let step = steps.next();
    while (!step.done) {
      if (isPromise(step.value)) return this.#runLater(steps, step.value);
      step = steps.next(step.value);
    }
    return step.value;
  }

  async #runLater(steps, pending) {
    for (let waited = pending; ;) {
      let step;
      try {
        step = steps.next(await waited);
      } catch (error) {
        step = steps.throw(error);
      }
      if (step.done) return step.value;
      waited = step.value;
    }
  }

  *#steps(section, mode, isRelease, signal) {
    this.open.push(section);
    const hits = [...this.subscriptions].filter((each) => overlaps(each, section));
    const called = [];
    let failure;
    let isRefused = false;
    for (const each of hits) {
      if (!this.subscriptions.has(each) && each.busy === 0) continue;
      try {
        const went = yield* this.#callLocked(each, section, mode, signal);
        if (went !== false) called.push(each);
        else if (mode === 'try') isRefused = true;
        else throw callbackRefused();
      } catch (error) {
        if (signal?.aborted && error === signal.reason) {
          this.#end(section);
          throw error;
        }
        failure ??= callbackFailed(error);
      }
      if (isRefused) break;
    }
    const passes = isRelease ? ['finish', 'release'] : ['finish'];
    for (const pass of passes) {
      for (const each of called) {
        try {
          const call = () =>
            pass === 'finish'
              ? each.ops.finish?.(section, each.cookie)
              : each.ops.release?.(each.cookie);
          yield* this.#call(each, call, mode, signal);
        } catch (error) {
          failure ??= callbackFailed(error);
        }
      }
    }
    if (failure === undefined && !isRefused && !isRelease) return section.handle;
    this.#end(section);
    if (failure !== undefined) throw failure;
    return undefined;
  }

  *#callLocked(each, section, mode, signal) {
    const { lock } = each;
    if (mode === 'try') {
      if (!lock.tryLock()) return false;
    } else if (mode === 'sync') lock.lockSync();
    else {
      const waited = lock.lock(signal);
      if (waited !== undefined) yield waited;
    }
    each.version++;
    const call = () => each.ops.invalidate(section, each.cookie);
    return yield* this.#call(each, call, mode, signal, lock);
  }

  *#call(each, callback, mode, signal, lock) {
    let result;
    this.#depth++;
    try {
      result = callback();
      if (isPromise(result) && mode !== 'plain') throw callbackAsync(result);
    } catch (error) {
      lock?.unlock();
      throw error;
    } finally {
      this.#depth--;
    }
    if (!isPromise(result)) {
      lock?.unlock();
      return result;
    }
    const settled = each.during(async () => {
      try {
        return await result;
      } finally {
        lock?.unlock();
      }
    });
    if (signal === undefined) return yield settled;
    settled.catch(() => {});
    return yield new Promise((resolve, reject) => {
      settled.then(resolve, reject);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  }
}

const checkVariant = (variant = 'map') => {
  if (variant !== 'map') throw new NotifierError('MMN_OPTION', `expected map, got '${variant}'`);
  return traits;
};
const refuseMemory = () => {
  throw new NotifierError('MMN_MEMORY', 'expected no memory, since pages are objects, got some');
};

/** What the kit is given. */
export const pages = Object.freeze({
  name: 'pages',
  variants: Object.freeze(['map']),
  traits: checkVariant,
  byteLength: () => 8,
  create({ variant, memory } = {}) {
    checkVariant(variant);
    if (memory !== undefined) refuseMemory();
    return new PagesNotifier();
  },
  attach: refuseMemory,
});
