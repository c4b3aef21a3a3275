/** The checker, checked: whatever word of the nodes in use is damaged, verify says so. */
import { describe, expect, it } from 'vitest';
import { IntervalTree } from '../src/index.ts';
import {
  AVAILABLE,
  BUMP,
  FREE,
  CAPACITY,
  GROUPS,
  HEADER,
  HEIGHT,
  LASTS,
  MAGIC,
  NODE,
  PARENT,
  REFERENCES,
  ROOT,
  SIZE,
  STARTS,
} from '../src/layout.ts';

function build(): { memory: ArrayBuffer; tree: IntervalTree } {
  const memory = new ArrayBuffer(IntervalTree.byteLength(40, 4));
  const tree = IntervalTree.create(memory, { capacity: 40, fanOut: 4 });
  for (let k = 0; k < 40; k++) tree.insert(k, 10 * ((k * 17) % 40), 10 * ((k * 17) % 40) + 12);
  for (let k = 0; k < 8; k++) tree.remove(k);
  tree.verify();
  return { memory, tree };
}

/** Whatever is behind the nodes in use is on the list of free nodes, and the table as if it were one: its first handle is not in the tree. */
function freeAllAndOneMore(ints: Int32Array, end: number): void {
  let link = FREE;
  while (ints[link] !== 0) link = 2 * ints[link]!;
  for (let node = ints[BUMP]!; node <= end; node += NODE) {
    ints[link] = node;
    link = 2 * node;
  }
  ints[BUMP] = end + NODE;
}

describe('verify', () => {
  it('notices when any live last, start, maximum or pad is changed', () => {
    const { memory, tree } = build();
    const doubles = new Float64Array(memory);
    const free = new Set<number>();
    const ints = new Int32Array(memory);
    for (let node = ints[FREE] ?? 0; node !== 0; node = ints[2 * node] ?? 0) free.add(node);
    let changed = 0;
    for (let node = HEADER; node < (ints[BUMP] ?? 0); node += NODE) {
      if (free.has(node)) continue;
      for (let k = GROUPS; k < STARTS + 16; k++) {
        if (k >= GROUPS + 4 && k < LASTS) continue;
        const word = doubles[node + k] ?? 0;
        // Far enough to leave every bound. Keys of inner nodes are lower bounds and may be lowered, so they are raised.
        doubles[node + k] = Number.isFinite(word) ? word + 10_000 : 0;
        expect(() => tree.verify(), `word ${k} of node ${node}`).toThrow(/interval tree is broken/);
        doubles[node + k] = word;
        changed++;
      }
    }
    expect(changed).toBeGreaterThan(300);
    tree.verify();
  });

  it('notices when a header word, a count, a parent, a reference or the table is changed', () => {
    const { memory, tree } = build();
    const ints = new Int32Array(memory);
    const root = ints[ROOT] ?? 0;
    const child = ints[2 * root + REFERENCES] ?? 0;
    const table = ints.length - 40;
    const words = [
      MAGIC,
      ROOT,
      HEIGHT,
      FREE,
      BUMP,
      SIZE,
      AVAILABLE,
      2 * root,
      2 * root + 1,
      2 * child,
      2 * child + 1,
    ];
    for (const word of [...words, 2 * root + REFERENCES, table, table + 20]) {
      const value = ints[word] ?? 0;
      ints[word] = value + 1;
      expect(() => tree.verify(), `word ${word}`).toThrow(/broken|no longer holds/);
      ints[word] = value;
    }
    tree.verify();
  });

  it('notices an interval that starts behind the first of the next leaf, in any leaf but the last', () => {
    const memory = new ArrayBuffer(IntervalTree.byteLength(40, 4));
    const tree = IntervalTree.create(memory, { capacity: 40, fanOut: 4 });
    for (let k = 0; k < 40; k++) tree.insert(k, 10 * k, 10 * k + 12); // each reaches into the next
    const [ints, doubles] = [new Int32Array(memory), new Float64Array(memory)];
    let left = ints[ROOT]!;
    for (let level = ints[HEIGHT]!; level > 1; level--) left = ints[2 * left + REFERENCES]!;
    const count = 32 - Math.clz32(ints[2 * left]!);
    expect(count).toBeGreaterThan(1);
    for (let k = 0; k < count - 1; k++) {
      const leaf = ints[2 * left + REFERENCES + k]!;
      const last = 31 - Math.clz32(ints[2 * leaf]!);
      doubles[leaf + STARTS + last]! += 11;
      expect(() => tree.verify(), `leaf ${k}`).toThrow('is out of order');
      doubles[leaf + STARTS + last]! -= 11;
    }
    tree.verify();
  });

  it('notices a group maximum of a leaf that is larger than the one after, and lets others be too large', () => {
    const memory = new ArrayBuffer(IntervalTree.byteLength(16));
    const tree = IntervalTree.create(memory, { capacity: 16 });
    for (let k = 0; k < 16; k++) tree.insert(k, 10 * k, 10 * k + 5); // the maxima are 35, 75, 115, 155
    const doubles = new Float64Array(memory);
    const groups = new Int32Array(memory)[ROOT]! + GROUPS;
    doubles[groups] = 75;
    tree.verify();
    doubles[groups] = 76;
    expect(() => tree.verify()).toThrow('group maximum 0 is wrong');
    doubles[groups] = 35;
    doubles[groups + 3] = 156;
    expect(() => tree.verify()).toThrow('max is wrong');
  });

  /** The tree of `build`, by what its invariants are about; each damage breaks one of them first. */
  interface Damaged {
    readonly ints: Int32Array;
    readonly doubles: Float64Array;
    readonly root: number;
    readonly child: number;
    readonly leaf: number;
    readonly table: number;
  }
  const damages: readonly (readonly [message: string, damage: (tree: Damaged) => void])[] = [
    ['expected an interval tree', ({ ints }) => (ints[MAGIC]! += 1)],
    ['not a node', ({ ints }) => (ints[ROOT]! += 1)],
    [
      'reached twice',
      ({ ints, doubles, root }) => {
        ints[2 * root + REFERENCES + 1] = ints[2 * root + REFERENCES]!;
        doubles[root + LASTS + 1] = doubles[root + LASTS]!;
      },
    ],
    ['expected parent', ({ ints, child }) => (ints[2 * child + PARENT]! += 1)],
    ['entries, expected', ({ ints, root }) => (ints[2 * root] = 1)],
    ['is out of order', ({ doubles, leaf }) => (doubles[leaf + STARTS + 1] = 10_000)],
    ['is inverted', ({ doubles, leaf }) => (doubles[leaf + LASTS + 1] = 0)],
    ['should be a hole', ({ doubles, leaf }) => (doubles[leaf + LASTS] = 0)],
    ['should be a pad', ({ doubles, root }) => (doubles[root + STARTS + 2] = 10_000)],
    ['does not find handle', ({ ints, leaf }) => (ints[2 * leaf + REFERENCES + 1]! -= 1)],
    ['has another max than its child', ({ doubles, root }) => (doubles[root + LASTS]! += 1)],
    ['group maximum', ({ doubles, root }) => (doubles[root + GROUPS]! += 1_000)],
    ['size says', ({ ints }) => (ints[SIZE]! += 1)],
    ['the table has 33 handles, the leaves have 32', ({ ints, table }) => (ints[table] = 1)],
    ['the list of free nodes leads elsewhere', ({ ints }) => (ints[FREE]! += 1)],
    ['a free node is in use', ({ ints, root }) => (ints[FREE] = root)],
    ['nodes were taken', ({ ints }) => (ints[FREE] = 0)],
    ['nodes run into the table', ({ ints, table }) => freeAllAndOneMore(ints, table / 2)],
    ['nodes are available', ({ ints }) => (ints[AVAILABLE]! += 1)],
  ];

  it.each(damages)('says: %s', (message, damage) => {
    const { memory, tree } = build();
    const ints = new Int32Array(memory);
    const doubles = new Float64Array(memory);
    const root = ints[ROOT]!;
    const child = ints[2 * root + REFERENCES]!;
    let leaf = root;
    for (let level = ints[HEIGHT]!; level > 0; level--) leaf = ints[2 * leaf + REFERENCES]!;
    damage({ ints, doubles, root, child, leaf, table: ints.length - ints[CAPACITY]! });
    expect(() => tree.verify()).toThrow(message);
  });
});
