/** What must hold of the variant `scoped` while nobody else is at work, for tests. */
import { invariant } from '@mmu-notifier/core';
import { IntervalTree } from '@mmu-notifier/interval-tree';
import { Mm, mmAt, State, Sub, subAt } from './layout.ts';
import { callersField, type ScopedTransitions } from './scoped.ts';
import { Slot, Table } from './table.ts';
import { verifyInTree } from './verify.ts';

/** See the file's head. @throws InvariantError */
export function verifyScoped({ region, tree, tableAt }: ScopedTransitions): void {
  const { words, wide } = region;
  invariant(words[mmAt + Mm.lock] === 0, 'expected the lock to be free');
  invariant(words[mmAt + Mm.slab] === 0, 'expected the lock of the records to be free');
  IntervalTree.over(tree).verify();
  const started = wide[(tableAt >> 1) + Table.sections]!;
  let open = 0;
  for (let slot = 0; slot < words[tableAt + Table.bound]!; slot++) {
    const at = (tableAt + Table.sizeWords + slot * Slot.sizeWords) >> 1;
    const number = wide[at + Slot.number]!;
    if (number === 0) continue;
    open++;
    invariant(number <= started, `slot ${slot}: expected a number up to ${started}, got ${number}`);
    invariant(wide[at + Slot.start]! <= wide[at + Slot.last]!, `slot ${slot}: expected a range`);
  }
  const active = words[mmAt + Mm.active]!;
  invariant(open === active, `expected ${open} active sections, got ${active}`);
  let inserted = 0;
  for (let handle = 0; handle < words[mmAt + Mm.bump]!; handle++) {
    const at = subAt(handle);
    const state = words[at + Sub.state]!;
    const what = `subscription ${handle} in state ${state}`;
    const callers = words[at + callersField]!;
    if (state === State.inserted) inserted++;
    invariant((state === State.inserted) === tree.has(handle), `${what}: against the tree`);
    if (state === State.inserted) verifyInTree(region, tree, handle);
    invariant(callers >= 0 && callers <= active, `${what}: got ${callers} callers`);
    const mayBeCalled = state === State.inserted || state === State.removing;
    invariant(mayBeCalled || callers === 0, `${what}: expected no callers, got ${callers}`);
    if (mayBeCalled) {
      invariant((words[at + Sub.seqLow]! & 1) === 1, `${what}: expected an odd seq`);
    }
  }
  const count = words[mmAt + Mm.count]!;
  invariant(count === inserted, `expected count ${inserted}, got ${count}`);
}
