/** The invariants of a notifier of one event loop. */
import { InvariantError } from '@mmu-notifier/core';
import type { Entries } from './entries.ts';
import type { Entry } from './entry.ts';
import type { LocalSection } from './section.ts';

/** See the file's head. @throws InvariantError */
export function verifyLocal(entries: Entries, sections: readonly LocalSection[]): void {
  verifyTree(entries);
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
  for (const entry of new Set([...listed, ...entries.leaves.flatMap((leaf) => leaf.entries)])) {
    const lists = listed.filter((hit) => hit === entry).length;
    expect(entry!.sections === lists, 'sections counts the lists that an entry is on');
  }
}

function verifyTree(inTree: Entries): void {
  const { leaves, starts, reaches } = inTree;
  const all = leaves.flatMap((leaf) => leaf.entries);
  expect(
    starts.length === leaves.length && reaches.length === leaves.length,
    'every leaf has a start and a reach',
  );
  expect(
    all.every(({ start }, at) => at === 0 || all[at - 1]!.start <= start),
    'the tree is in order',
  );
  let reach = -1;
  for (const [k, leaf] of leaves.entries()) {
    const { entries, max } = leaf;
    expect(entries.length > 0 && entries.length <= 32, 'a leaf has 1 to 32 entries');
    const next = leaves[k + 1]?.entries.length ?? Infinity;
    expect(entries.length + next > 16, 'small neighbours are joined');
    expect(
      entries.every((entry) => entry.leaf === leaf),
      'an entry knows its leaf',
    );
    expect(
      entries.every(
        ({ start, last }, at) =>
          start <= last && leaf.starts[at] === start && leaf.lasts[at] === last,
      ),
      'a leaf knows the spans of its entries',
    );
    expect(
      leaf.starts.length === entries.length && leaf.lasts.length === entries.length,
      'a leaf knows no other spans',
    );
    expect(max === Math.max(...leaf.lasts), 'max is the largest last of a leaf');
    reach = Math.max(reach, max);
    expect(starts[k] === entries[0]!.start, 'a leaf starts where its first entry does');
    expect(reaches[k] === reach, 'reaches has the largest last so far');
  }
  expect(inTree.reach === reach, 'reach is the largest last of all');
}

function expect(holds: boolean, invariant: string): void {
  if (!holds) throw new InvariantError(`expected that ${invariant}, got otherwise`);
}
