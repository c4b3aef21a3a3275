/**
 * Slices: a thread that waits for one word and has others to look at wakes up every now and then. When it would find everything as it was,
 * it would do the same again and sleep again, any number of times; so a slice ends only when something has changed.
 *
 * What counts are the words that the thread has read since its last slice, or since it began, with what they held last; and not those that it
 * has written itself, or two threads that take one lock for each look would wake each other for ever. So what is lost is this: what others
 * see of a thread that takes a lock to look, finds nothing new, and gives it back.
 */
import { Kind, outcome, Patience, type Bits } from '../memory/operation.ts';
import type { ElementBytes } from '../memory/elements.ts';
import { Log } from './log.ts';
import { entryCells, Tape, type Point, type Watch } from './trie.ts';

const log = new Log();

/** What a thread has done before a slice. */
export interface Seen {
  /** The words that end it when one of them holds something else. */
  readonly words: Watch;
  /**
   * Bytes of all words that it has read or written. Plain writes of others are no events of theirs, but what they are ordered by is: a lock,
   * say, which the thread has taken too.
   */
  readonly touched: readonly number[];
}

/** What ends the slice that begins at this point. */
export function seenBefore(point: Point): Seen {
  return (point.seen ??= compute(point));
}

function compute(point: Point): Seen {
  const seen = new Map<number, { bytes: ElementBytes; bits: Bits }>();
  const written = new Set<number>();
  log.load(point.run);
  for (let i = 0; i < log.length; i += entryCells) {
    const [code, offset, bits] = [log.cells[i]!, log.cells[i + 1]!, log.cells[i + 2]!];
    const kind = code & 15;
    if (kind === Tape.visible) {
      see(offset);
    } else if (kind === Tape.read) {
      seen.set(offset, { bytes: (code >> 4) as ElementBytes, bits });
    } else if (kind === Tape.write) {
      written.add(offset);
    }
  }
  const { offset, bytes, expected } = point.operation!;
  const touched = [...new Set([...seen.keys(), ...written, offset])];
  for (const own of written) seen.delete(own);
  seen.set(offset, { bytes, bits: expected });
  return { words: [...seen].map(([at, value]) => ({ offset: at, ...value })), touched };

  function see(number: number): void {
    const { operation } = log.points[number]!;
    const bits = log.results[number]!;
    const { kind, offset: at, bytes: size } = operation!;
    if (kind === Kind.begin || (kind === Kind.wait && operation!.patience === Patience.slice)) {
      seen.clear();
      written.clear();
    } else if (kind === Kind.store || kind === Kind.write) {
      written.add(at);
    } else if (kind <= Kind.compareExchange || kind === Kind.read) {
      if (outcome(operation!, bits) === bits) seen.set(at, { bytes: size, bits });
      else written.add(at);
    }
  }
}
