/** The trees that are compared, each behind the same three calls. */
import { IntervalTree } from '@mmu-notifier/interval-tree';

export interface TreeContender {
  insert(handle: number, start: number, last: number): void;
  remove(handle: number, start: number, last: number): void;
  /** Writes the hits' handles to `into`, which is large enough, in any order; returns how many. */
  query(start: number, last: number, into: Int32Array): number;
}

type MakeContender = (capacity: number) => TreeContender | Promise<TreeContender>;

/** Ours with the batch query. */
function collecting(allocate: (byteLength: number) => ArrayBufferLike): MakeContender {
  return (capacity) => {
    const tree = IntervalTree.create(allocate(IntervalTree.byteLength(capacity)), { capacity });
    return {
      insert: (handle, start, last) => tree.insert(handle, start, last),
      remove: (handle) => tree.remove(handle),
      query: (start, last, into) => tree.collect(start, last, into),
    };
  };
}

/** Ours with `first` and `next`. */
function walking(capacity: number): TreeContender {
  const memory = new SharedArrayBuffer(IntervalTree.byteLength(capacity));
  const tree = IntervalTree.create(memory, { capacity });
  return {
    insert: (handle, start, last) => tree.insert(handle, start, last),
    remove: (handle) => tree.remove(handle),
    query: (start, last, into) => {
      let count = 0;
      for (let hit = tree.first(start, last); hit >= 0; hit = tree.next(hit, start, last)) {
        into[count++] = hit;
      }
      return count;
    },
  };
}

/** Its intervals are arrays; the handle rides along as a third element. */
async function intervalTree1d(): Promise<TreeContender> {
  const { default: createIntervalTree } = await import('interval-tree-1d');
  const tree = createIntervalTree<[number, number, number]>();
  return {
    insert: (handle, start, last) => tree.insert([start, last, handle]),
    remove: (handle, start, last) => tree.remove([start, last, handle]),
    query: (start, last, into) => {
      let count = 0;
      tree.queryInterval(start, last, (interval) => {
        into[count++] = interval[2];
      });
      return count;
    },
  };
}

async function flatten(): Promise<TreeContender> {
  const { default: FlattenTree } = await import('@flatten-js/interval-tree');
  const tree = new FlattenTree<number>();
  return {
    insert: (handle, start, last) => tree.insert([start, last], handle),
    remove: (handle, start, last) => tree.remove([start, last], handle),
    query: (start, last, into) => {
      let count = 0;
      for (const handle of tree.search([start, last]) as number[]) into[count++] = handle;
      return count;
    },
  };
}

/** It compares the object that is removed with those inside by value. */
async function nodeIntervalTree(): Promise<TreeContender> {
  const { IntervalTree: NodeTree } = await import('node-interval-tree');
  interface Held {
    low: number;
    high: number;
    handle: number;
  }
  const tree = new NodeTree<Held>();
  return {
    insert: (handle, start, last) => tree.insert({ low: start, high: last, handle }),
    remove: (handle, start, last) => tree.remove({ low: start, high: last, handle }),
    query: (start, last, into) => {
      let count = 0;
      for (const held of tree.search(start, last)) into[count++] = held.handle;
      return count;
    },
  };
}

/** A list, searched from end to end: what the others must agree with. */
function bruteForce(capacity: number): TreeContender {
  const starts = new Float64Array(capacity).fill(Infinity);
  const lasts = new Float64Array(capacity).fill(-1);
  return {
    insert: (handle, start, last) => {
      starts[handle] = start;
      lasts[handle] = last;
    },
    remove: (handle) => {
      starts[handle] = Infinity;
      lasts[handle] = -1;
    },
    query: (start, last, into) => {
      let count = 0;
      for (let handle = 0; handle < capacity; handle++) {
        if ((starts[handle] ?? 0) <= last && (lasts[handle] ?? 0) >= start) into[count++] = handle;
      }
      return count;
    },
  };
}

const CONTENDERS: Record<string, MakeContender> = {
  'ArrayBuffer, collect': collecting((byteLength) => new ArrayBuffer(byteLength)),
  'SharedArrayBuffer, collect': collecting((byteLength) => new SharedArrayBuffer(byteLength)),
  'SharedArrayBuffer, walk': walking,
  'interval-tree-1d': intervalTree1d,
  '@flatten-js/interval-tree': flatten,
  'node-interval-tree': nodeIntervalTree,
  'brute force': bruteForce,
};

export const OURS: readonly string[] = Object.keys(CONTENDERS).slice(0, 3);
export const PEERS: readonly string[] = Object.keys(CONTENDERS).slice(3, 6);

/** An empty tree. A process makes one only, so that the engine compiles the shared code for it alone. */
export async function makeContender(name: string, capacity: number): Promise<TreeContender> {
  const make = CONTENDERS[name];
  if (make === undefined) throw new Error(`no contender ${name}`);
  return make(capacity);
}
