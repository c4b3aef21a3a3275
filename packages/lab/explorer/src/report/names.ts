/** Names of bytes, for reports. */
import type { Scenario } from '../scenario.ts';

/** The name of what lies at a byte offset. */
export type NameOf = (byteOffset: number) => string;

/** Makes the naming function that a scenario asks for. Words without a name are `word 12`. */
export function createNames(names: Scenario['names']): NameOf {
  const words = new Map<number, string>();
  if (typeof names === 'object') {
    for (const [name, index] of Object.entries(names)) words.set(index, name);
  }
  return (byteOffset) => {
    if (typeof names === 'function') {
      const name = names(byteOffset);
      if (name !== undefined) return name;
    }
    const word = words.get(byteOffset >> 2) ?? `word ${byteOffset >> 2}`;
    return byteOffset & 3 ? `${word} + ${byteOffset & 3}` : word;
  };
}
