/** The invariants of a notifier of one event loop. */
import { InvariantError } from '@mmu-notifier/core';
import type { Entry, Open } from './entry.ts';

/** See the file's head. @throws InvariantError */
export function verifyLocal(root: Entry | undefined, opens: readonly Open[]): void {
  let before: Entry | undefined;
  visit(root);

  const listed = opens.flatMap(({ hits, count }) => hits.slice(0, count));
  const called = opens.flatMap(({ hits, toCall, isCalling }) =>
    isCalling ? hits.slice(0, toCall) : [],
  );
  for (const { isOpen, count, hits } of opens) {
    expect(isOpen || count === 0, 'a section that is over lists nobody');
    expect(
      hits.every((hit, at) => (hit !== undefined) === at < count),
      'a list has its hits and no others',
    );
  }
  for (const entry of new Set([...listed, ...entries(root)])) countsOf(entry!);

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

  function countsOf(entry: Entry): void {
    const sections = listed.filter((hit) => hit === entry).length;
    const callers = called.filter((hit) => hit === entry).length;
    expect(entry.sections === sections, 'sections counts the lists that an entry is on');
    expect(entry.callers === callers, 'callers counts those of them that are calling');
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
