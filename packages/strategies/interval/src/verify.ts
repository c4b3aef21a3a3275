/**
 * Every invariant of the words, for tests: it walks everything, and only while nobody else is at work.
 *
 * | state     | in the tree | on the deferred list | on the free list | counted | its seq |
 * |-----------|-------------|----------------------|------------------|---------|---------|
 * | free      | no          | no                   | below bump       | no      |         |
 * | detached  | no          | no                   | no               | no      |         |
 * | inserted  | yes         | no                   | no               | yes     | odd     |
 * | inserting | no          | yes                  | no               | yes     | odd     |
 * | removing  | maybe       | yes                  | no               | no      |         |
 * | removed   | no          | no                   | no               | no      |         |
 */
import { invariant } from '@mmu-notifier/core';
import { IntervalTree } from '@mmu-notifier/interval-tree';
import type { BareTree } from '@mmu-notifier/interval-tree/bare';
import type { Region } from '@mmu-notifier/sync';
import { Mm, mmAt, State, Sub, subAt } from './layout.ts';
import type { Transitions } from './transitions.ts';

/** See the file's head. @throws InvariantError */
export function verifyWords({ region, tree }: Transitions): void {
  const { words } = region;
  const active = words[mmAt + Mm.active]!;
  const isFull = (words[mmAt + Mm.seqLow]! & 1) !== 0;
  invariant(words[mmAt + Mm.lock] === 0, 'expected the lock to be free');
  invariant(words[mmAt + Mm.slab] === 0, 'expected the lock of the records to be free');
  invariant(active >= 0, `active sections: expected at least 0, got ${active}`);
  invariant(active > 0 || !isFull, 'expected an even seq while no section is open');
  invariant(
    isFull || words[mmAt + Mm.deferred] === 0,
    'expected no deferred change while the tree may change',
  );
  IntervalTree.over(tree).verify();
  const deferred = listFrom(words, words[mmAt + Mm.deferred]!, 'deferred');
  const free = listFrom(words, words[mmAt + Mm.free]!, 'free');
  let before = 0;
  for (const handle of deferred) {
    invariant(
      words[subAt(handle) + Sub.previous] === before,
      'expected deferred items to know their predecessor',
    );
    before = handle + 1;
  }
  let inTree = 0;
  let counted = 0;
  for (let handle = 0; handle < words[mmAt + Mm.bump]!; handle++) {
    const state = words[subAt(handle) + Sub.state]!;
    const isOpen = state === State.inserted || state === State.inserting;
    const isDeferred = state === State.inserting || state === State.removing;
    const what = `subscription ${handle} in state ${state}`;
    if (tree.has(handle)) {
      inTree++;
      verifyInTree(region, tree, handle);
    } else {
      invariant(state !== State.inserted, `${what}: not in the tree`);
    }
    invariant(isDeferred === deferred.has(handle), `${what}: against the deferred list`);
    invariant((state === State.free) === free.has(handle), `${what}: against the free list`);
    if (isOpen) {
      counted++;
      invariant((words[subAt(handle) + Sub.seqLow]! & 1) === 1, `${what}: expected an odd seq`);
    }
  }
  invariant(inTree === tree.size, `expected ${inTree} in the tree, got ${tree.size}`);
  const count = words[mmAt + Mm.count]!;
  invariant(counted === count, `expected count ${counted}, got ${count}`);
}

/** A subscription that is in the tree has its span there. */
export function verifyInTree({ words, wide }: Region, tree: BareTree, handle: number): void {
  const at = subAt(handle);
  const state = words[at + Sub.state];
  invariant(
    state === State.inserted || state === State.removing,
    `subscription ${handle}: in the tree in state ${state}`,
  );
  invariant(
    tree.startOf(handle) === wide[(at >> 1) + Sub.start],
    `subscription ${handle}: start differs`,
  );
  invariant(
    tree.lastOf(handle) === wide[(at >> 1) + Sub.last],
    `subscription ${handle}: last differs`,
  );
}

/** The handles of a list of records, in order. */
function listFrom(words: Int32Array, head: number, name: string): Set<number> {
  const handles = new Set<number>();
  for (let item = head; item !== 0; item = words[subAt(item - 1) + Sub.next]!) {
    invariant(!handles.has(item - 1), `expected the ${name} list to have no cycle`);
    handles.add(item - 1);
  }
  return handles;
}
