/** The sections that every notifier is given, in the trees' file format: the initial set is who subscribes, each query a section. */
import { seededRandom } from '../random.ts';
import { encode, INSERT, PITCH, QUERY, shuffled, type Row } from '../tree/operations.ts';

/** What a section meets. */
export type Sections = 'no hit' | 'one hit' | 'ten hits';

/** Enough that no branch predictor learns them by heart; fewer for 100,000 subscriptions, since all are raised once to check the hits. */
export function sectionCount(subscriptions: number): number {
  return subscriptions < 100_000 ? 1024 : 256;
}

/**
 * Subscriptions that do not touch each other, in random order, and sections over the gaps between them, within one of
 * them, or over ten neighbours. The same arguments give the same bytes.
 */
export function makeSections(kind: Sections, subscriptions: number, seed: number): ArrayBuffer {
  const random = seededRandom(seed);
  const initial = shuffled(subscriptions, random).map((slot, handle): Row => ({
    kind: INSERT,
    handle,
    ...spanAt(slot, PITCH / 2),
  }));
  const sections = Array.from({ length: sectionCount(subscriptions) }, (): Row => {
    if (kind === 'ten hits') {
      const { start } = spanAt(random(Math.max(subscriptions - 9, 1)), 0);
      return { kind: QUERY, handle: 0, start, last: start + 9 * PITCH };
    }
    const { start } = spanAt(random(subscriptions), 0);
    const within = (kind === 'no hit' ? PITCH / 2 : 0) + random(PITCH / 4);
    return { kind: QUERY, handle: 0, start: start + within, last: start + within + PITCH / 8 };
  });
  return encode(subscriptions, initial, sections);
}

function spanAt(slot: number, length: number): { start: number; last: number } {
  const start = (slot + 1) * PITCH;
  return { start, last: start + length - 1 };
}
