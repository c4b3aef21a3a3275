/** docs/choosing.md says of the strategies what they say of themselves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withTable } from '../scripts/choosing-table.ts';

const text = readFileSync(join(import.meta.dirname, '../docs/choosing.md'), 'utf8');

test('the table of the strategies is the one that `npm run docs:choosing` writes', () => {
  expect(text.match(/<!-- \/?traits -->/g)).toEqual(['<!-- traits -->', '<!-- /traits -->']);
  expect(withTable(text)).toBe(text);
});
