/**
 * A small interval notifier over shared words, to explore and to measure on: an invalidator, readers that retry, and removal
 * that waits for the epoch to end. The subscriptions stand in a list, which a section with a hit freezes (odd sequence number).
 *
 * `lockless: true` is what Linux did until commit 319561669a59: the remover looks at the sequence number without the lock,
 * and may go while the end of the section still walks the list of what to remove.
 */
import { free, type Scenario } from '../src/index.ts';
import { lock, unlock } from './primitives.ts';

const Word = {
  lock: 0,
  seq: 1,
  active: 2,
  deferred: 3,
  turn: 4,
  list: 5,
  userLock: 6,
  shadow: 7,
  page: 8,
};
const Node = { start: 0, last: 1, next: 2, deferred: 3, seq: 4 };
const nodeWords = 8;
const firstNode = 16;
const nowhere = 0;

/** What a thread does: so many sections, or a read of or a removal of a node. */
type ThreadKind =
  | { readonly invalidate: number }
  | { readonly read: number }
  | { readonly remove: number };

/** What to set up. */
export interface NotifierScenario {
  readonly lockless: boolean;
  readonly nodes: number;
  readonly threads: Readonly<Record<string, ThreadKind>>;
}

/** The scenario. */
export function notifierScenario({ lockless, nodes, threads }: NotifierScenario): Scenario {
  const bodies = Object.entries(threads).map(([name, what]) => [
    name,
    (shared: SharedArrayBuffer): unknown => {
      const notifier = new Notifier(shared, lockless);
      if ('invalidate' in what) {
        for (let i = 0; i < what.invalidate; i++) notifier.invalidate(0, 100);
        return undefined;
      }
      if ('read' in what) return notifier.read(nodeAt(what.read), 2);
      notifier.remove(nodeAt(what.remove));
      return free(notifier.words.subarray(nodeAt(what.remove), nodeAt(what.remove + 1)));
    },
  ]);
  return {
    memory: nodeAt(nodes) * 4,
    names: nameOf,
    setup(shared) {
      const words = new Int32Array(shared);
      words[Word.seq] = 2;
      words[Word.page] = 1;
      for (let i = nodes - 1; i >= 0; i--) {
        words.set([i * 10, i * 10 + 9, words[Word.list]!, nowhere, 1], nodeAt(i));
        words[Word.list] = nodeAt(i);
      }
    },
    threads: Object.fromEntries(bodies),
    check(shared) {
      const words = new Int32Array(shared);
      const shadow = words[Word.shadow]!;
      if (shadow !== 0 && shadow !== words[Word.page])
        throw new Error(`the shadow page ${shadow} is stale`);
      if (words[Word.active] !== 0 || (words[Word.seq]! & 1) !== 0)
        throw new Error('a section is still open');
    },
  };
}

const nodeAt = (i: number): number => firstNode + i * nodeWords;

const find = (names: Record<string, number>, at: number): string | undefined =>
  Object.keys(names).find((name) => names[name] === at);

function nameOf(byteOffset: number): string | undefined {
  const word = byteOffset >> 2;
  if (word < firstNode) return find(Word, word);
  const i = Math.floor((word - firstNode) / nodeWords);
  return `node${i}.${find(Node, (word - firstNode) % nodeWords)}`;
}

class Notifier {
  readonly words: Int32Array;
  readonly #lockless: boolean;

  constructor(shared: SharedArrayBuffer, lockless: boolean) {
    this.words = new Int32Array(shared);
    this.#lockless = lockless;
  }

  invalidate(start: number, end: number): void {
    const { words } = this;
    lock(words, Word.lock);
    words[Word.active]! += 1;
    let node = this.#firstHit(words[Word.list]!, start, end);
    if (node !== nowhere) Atomics.store(words, Word.seq, this.#seq() | 1);
    const seq = this.#seq();
    unlock(words, Word.lock);
    for (; node !== nowhere; node = this.#firstHit(words[node + Node.next]!, start, end)) {
      lock(words, Word.userLock);
      Atomics.store(words, node + Node.seq, seq);
      words[Word.shadow] = 0;
      unlock(words, Word.userLock);
    }
    Atomics.store(words, Word.page, 2);
    this.#end();
  }

  /** Builds the shadow page, and starts again when an invalidation came between. */
  read(node: number, tries: number): number {
    const { words } = this;
    for (let i = 0; i < tries; i++) {
      const seq = this.#readBegin(node);
      const page = Atomics.load(words, Word.page);
      lock(words, Word.userLock);
      const isFresh = Atomics.load(words, node + Node.seq) === seq;
      if (isFresh) words[Word.shadow] = page;
      unlock(words, Word.userLock);
      if (isFresh) return page;
    }
    return 0;
  }

  remove(node: number): void {
    const { words } = this;
    lock(words, Word.lock);
    const seq = this.#seq();
    const isFrozen = (seq & 1) !== 0;
    if (isFrozen) {
      words[node + Node.deferred] = words[Word.deferred]!;
      words[Word.deferred] = node;
    } else {
      this.#unlink(node);
    }
    unlock(words, Word.lock);
    if (isFrozen) this.#waitUntil(() => this.#hasPassed(seq));
  }

  #end(): void {
    const { words } = this;
    lock(words, Word.lock);
    words[Word.active]! -= 1;
    if (words[Word.active] !== 0 || (this.#seq() & 1) === 0) {
      unlock(words, Word.lock);
      return;
    }
    Atomics.store(words, Word.seq, this.#seq() + 1);
    for (let node = words[Word.deferred]!; node !== nowhere;) {
      const next = words[node + Node.deferred]!;
      this.#unlink(node);
      node = next;
    }
    words[Word.deferred] = nowhere;
    unlock(words, Word.lock);
    Atomics.add(words, Word.turn, 1);
    Atomics.notify(words, Word.turn);
  }

  #readBegin(node: number): number {
    const { words } = this;
    lock(words, Word.lock);
    const seq = Atomics.load(words, node + Node.seq);
    const isBusy = seq === this.#seq();
    unlock(words, Word.lock);
    if (isBusy) this.#waitUntil(() => this.#seq() !== seq);
    return seq;
  }

  #hasPassed(seq: number): boolean {
    if (this.#lockless) return this.#seq() !== seq;
    lock(this.words, Word.lock);
    const passed = this.#seq() !== seq;
    unlock(this.words, Word.lock);
    return passed;
  }

  #waitUntil(condition: () => boolean): void {
    for (;;) {
      const turn = Atomics.load(this.words, Word.turn);
      if (condition()) return;
      Atomics.wait(this.words, Word.turn, turn);
    }
  }

  #seq(): number {
    return Atomics.load(this.words, Word.seq);
  }

  #firstHit(from: number, start: number, end: number): number {
    const { words } = this;
    let node = from;
    while (node !== nowhere && (words[node]! >= end || words[node + Node.last]! < start)) {
      node = words[node + Node.next]!;
    }
    return node;
  }

  #unlink(node: number): void {
    const { words } = this;
    let at = Word.list;
    while (words[at] !== node) at = words[at]! + Node.next;
    words[at] = words[node + Node.next]!;
  }
}
