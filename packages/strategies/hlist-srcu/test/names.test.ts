/** What words are called in reports. */
import { headerWords } from '@mmu-notifier/sync';
import { expect, it } from 'vitest';
import { hlistSrcu } from '../src/index.ts';
import { Node, nodeAt, srcuAt } from '../src/layout.ts';

it('every word behind the header has a name that says where it is', () => {
  const { byteLength, nameOfWord } = hlistSrcu;
  const names = Array.from({ length: byteLength(2) / 4 }, (_, word) => nameOfWord!(word, 2));
  expect(names.slice(0, headerWords).every((name) => name === undefined)).toBe(true);
  const named = names
    .slice(headerWords)
    .filter((name) => /^(mm|srcu|node\[[12]\])\.\w+$/.test(name!));
  expect(names.length - headerWords - named.length).toBe(3); // padding: one word of each node, one of srcu
  expect(nameOfWord!(names.length, 2)).toBeUndefined();
  expect(names[headerWords]).toBe('mm.openLock');
  expect(names[srcuAt]).toBe('srcu.phase');
  expect(names[nodeAt(2) + Node.count]).toBe('node[2].count');
});
