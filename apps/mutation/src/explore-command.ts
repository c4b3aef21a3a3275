/**
 * `npm run explore:mutants -- [text]`: explores the strategies whose names hold the text and that are broken in an order. Without a text
 * it writes explored.txt.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exploreAll, exploredText } from './explored.ts';
import { mutants } from './mutants.ts';

const wanted = process.argv[2] ?? '';
const chosen = mutants.filter(
  ({ name, ordering }) => ordering !== undefined && name.includes(wanted),
);
const table = await exploreAll(chosen, (explored) => {
  process.stdout.write(exploredText([explored]).split('\n')[1]! + '\n');
});
if (wanted === '') {
  writeFileSync(join(import.meta.dirname, '../explored.txt'), exploredText(table));
}
const found = table.filter((explored) => 'what' in explored).length;
console.log(`${found} of ${table.length} have a schedule that fails`);
const isOwed = table.some((explored) => 'unfound' in explored && explored.unfound === 'NOT FOUND');
process.exitCode = isOwed ? 1 : 0;
