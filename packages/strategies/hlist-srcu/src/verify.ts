/** The invariants of the words: the list, the free list, and which counts may be up. */
import { invariant } from '@mmu-notifier/core';
import { Mm, mmAt, Node, nodeAt, State } from './layout.ts';
import type { Transitions } from './transitions.ts';

/**
 * See Notifier.verify. Call it while nobody else is at work.
 *
 * @param isPaired whether every start has its end: the variant `v5.3` does not promise it
 */
export function verify(state: Transitions, isPaired: boolean): void {
  const { words } = state.region;
  const bump = words[mmAt + Mm.bump]!;
  const open = words[mmAt + Mm.open]!;
  const mayBeRaised = open > 0 || state.isCarried || words[mmAt + Mm.leftBehind] !== 0;
  invariant(open >= 0, `open sections: expected at least 0, got ${open}`);
  const listed = new Set<number>();
  let ends = 0;
  for (let node = state.first, before = 0; node !== 0; before = node, node = state.next(node)) {
    const at = nodeAt(node);
    const bits = words[at + Node.state]!;
    invariant(!listed.has(node), `node ${node}: expected a list without a cycle`);
    listed.add(node);
    invariant(words[at + Node.previous] === before, `node ${node}: knows a wrong predecessor`);
    if ((bits & State.hasEnd) !== 0) ends++;
  }
  invariant(ends === words[mmAt + Mm.ends], `ends: expected ${ends}, got ${words[mmAt + Mm.ends]}`);
  const free = new Set<number>();
  for (let node = words[mmAt + Mm.free]!; node !== 0; node = state.next(node)) {
    invariant(!free.has(node), `node ${node}: expected a free list without a cycle`);
    free.add(node);
  }
  for (let node = 1; node <= bump; node++) {
    const at = nodeAt(node);
    const bits = words[at + Node.state]!;
    const count = words[at + Node.count]!;
    invariant((bits === 0) === free.has(node), `node ${node}: state ${bits} against the free list`);
    const isListed = (bits & State.listed) !== 0;
    invariant(isListed === listed.has(node), `node ${node}: state ${bits} against the list`);
    invariant(count >= 0, `node ${node}: expected a count of at least 0, got ${count}`);
    // A leaked count refuses every publication for ever: that is L-2.
    const mayCount = !isListed || mayBeRaised || !isPaired;
    invariant(count === 0 || mayCount, `node ${node}: count ${count} without an open section`);
  }
}
