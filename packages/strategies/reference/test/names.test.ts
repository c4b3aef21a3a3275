/** What words are called in reports. */
import { headerWords } from '@mmu-notifier/sync';
import { expect, it } from 'vitest';
import { slotAt, subAt, Sub } from '../src/layout.ts';
import { strategy } from './world.ts';

it('every word behind the header has a name that says where it is', () => {
  const names = Array.from({ length: strategy.byteLength(2) / 4 }, (_, word) =>
    strategy.nameOfWord!(word, 2),
  );
  expect(names.slice(0, headerWords).every((name) => name === undefined)).toBe(true);
  expect(
    names.slice(headerWords).every((name) => /^(mm|open\[\d+\]|sub\[\d\])\.\w+$/.test(name!)),
  ).toBe(true);
  expect(names[headerWords]).toBe('mm.lock');
  expect(names[slotAt(7)]).toBe('open[7].isOpen');
  expect(names[subAt(1) + Sub.mutex]).toBe('sub[1].mutex');
});
