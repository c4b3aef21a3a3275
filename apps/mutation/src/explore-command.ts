/**
 * `npm run explore:mutants -- [text]`: explores the strategies that are broken in an order and whose names hold the text, and puts
 * what it finds into explored.txt.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exploreAll, exploredText, parseExplored } from './explored.ts';
import { orderedMutants } from './mutants.ts';

const wanted = process.argv[2] ?? '';
const file = join(import.meta.dirname, '../explored.txt');
const table = new Map(
  parseExplored(readFileSync(file, 'utf8')).map((explored) => [explored.name, explored]),
);
await exploreAll(
  orderedMutants.filter(({ name }) => name.includes(wanted)),
  (explored) => {
    table.set(explored.name, explored);
    process.stdout.write(exploredText([explored]).split('\n').slice(1).join('\n'));
    writeFileSync(file, exploredText(orderedMutants.flatMap(({ name }) => table.get(name) ?? [])));
  },
);
const all = [...table.values()];
const found = all.filter((explored) => 'what' in explored).length;
console.log(`${found} of ${all.length} have a schedule that fails`);
process.exitCode = found === all.length ? 0 : 1;
