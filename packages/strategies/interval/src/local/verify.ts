/** The invariants of a notifier of one event loop. */
import { InvariantError } from '@mmu-notifier/core';
import type { Entry, LocalSection } from './entry.ts';

/** See the file's head. @throws InvariantError */
export function verifyLocal(root: Entry | undefined, sections: readonly LocalSection[]): void {
  let before: Entry | undefined;
  visit(root);
  const listed: (Entry | undefined)[] = [];
  for (const { handle, count, toCall, hits } of sections) {
    expect(handle !== 0 || count === 0, 'a section that is over lists nobody');
    expect(toCall <= count, 'a section calls nobody whom it does not list');
    expect(
      hits.every((hit, at) => (hit !== undefined) === at < count),
      'a list has its hits and no others',
    );
    listed.push(...hits.slice(0, count));
  }
  for (const entry of new Set([...listed, ...entries(root)])) {
    const lists = listed.filter((hit) => hit === entry).length;
    expect(entry!.sections === lists, 'sections counts the lists that an entry is on');
  }

  function visit(node: Entry | undefined): number {
    if (node === undefined) return -1;
    const { left, right, start, last, order } = node;
    const leftMax = visit(left);
    expect(
      before === undefined ||
        before.start < start ||
        (before.start === start && before.order < order),
      'the tree is in order',
    );
    before = node;
    const max = Math.max(last, leftMax, visit(right));
    expect(node.max === max, 'max is the largest last at and below a node');
    expect(start <= last, 'a span holds an address');
    for (const child of [left, right]) {
      expect(
        child === undefined || child.priority <= node.priority,
        'no child has a larger priority',
      );
    }
    return max;
  }
}

function* entries(root: Entry | undefined): Generator<Entry> {
  if (root === undefined) return;
  yield* entries(root.left);
  yield root;
  yield* entries(root.right);
}

function expect(holds: boolean, invariant: string): void {
  if (!holds) throw new InvariantError(`expected that ${invariant}, got otherwise`);
}
