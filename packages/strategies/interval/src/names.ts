/** What the words are called, for reports. */
import { mmAt, subAt, subsAt } from './layout.ts';
import * as Mm from './mm.ts';
import * as Sub from './sub.ts';

const mmNames = namesOf(Mm, ['seqQueue', 'idleQueue']);
const subNames = namesOf(Sub, ['start', 'last']);

/** What a word is called: `mm.active`, `sub[1].seqLow`. The words of the tree and of a table of sections have no names. */
export function nameOfWord(index: number, capacity: number): string | undefined {
  if (index < mmAt || index >= subAt(capacity)) return undefined;
  if (index < subsAt) return prefixed('mm', mmNames[index - mmAt]);
  const handle = Math.floor((index - subsAt) / Sub.sizeWords);
  return prefixed(`sub[${handle}]`, subNames[(index - subsAt) % Sub.sizeWords]);
}

/** The name of each word; `wide` are the fields of two words, whose offsets count pairs. */
function namesOf(fields: Readonly<Record<string, number>>, wide: readonly string[]): string[] {
  const names: string[] = [];
  for (const [name, at] of Object.entries(fields)) {
    if (name === 'sizeWords') continue;
    if (wide.includes(name)) names[2 * at] = names[2 * at + 1] = name;
    else names[at] = name;
  }
  return names;
}

function prefixed(where: string, field: string | undefined): string | undefined {
  return field === undefined ? undefined : `${where}.${field}`;
}
