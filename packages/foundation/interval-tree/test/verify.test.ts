/** The checker, checked: whatever word of the nodes in use is damaged, verify says so. */
import { describe, expect, it } from 'vitest';
import { IntervalTree } from '../src/index.ts';
import {
  AVAILABLE,
  BUMP,
  FREE,
  GROUPS,
  HEADER,
  HEIGHT,
  LASTS,
  MAGIC,
  NODE,
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
});
