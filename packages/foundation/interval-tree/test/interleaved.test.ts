/** Queries keep nothing between calls: walks over different ranges, and collecting, may take turns. */
import { describe, expect, it } from 'vitest';
import { Checked, FAN_OUTS, randomFrom } from './model.ts';

const NODES = 120;
const SPACE = 400;

type Range = readonly [start: number, last: number];

describe.each(FAN_OUTS)('queries at fan-out %i', (fanOut) => {
  it('find the same when two walks and a collect take turns', () => {
    const random = randomFrom(11n);
    const checked = Checked.create(NODES, fanOut);
    for (let handle = 0; handle < NODES; handle++) {
      const start = random(SPACE);
      checked.insert(handle, start, start + random(40));
    }
    const { tree } = checked;
    const into = new Int32Array(NODES);
    for (let round = 0; round < 40; round++) {
      const ranges = [0, 1, 2].map(() => {
        const start = random(SPACE);
        return [start, start + random(100)] as const;
      });
      const alone = ranges.map(([start, last]) => checked.query(start, last));
      const [a, b, c] = ranges as [Range, Range, Range];
      const walks: [number[], number[]] = [[], []];
      let hits = [tree.first(...a), tree.first(...b)];
      while (hits.some((hit) => hit >= 0)) {
        hits = hits.map((hit, which) => {
          if (hit < 0) return hit;
          walks[which]!.push(hit);
          const next = tree.next(hit, ...(which === 0 ? a : b));
          expect([...into.subarray(0, tree.collect(...c, into))]).toEqual(alone[2]);
          return next;
        });
      }
      expect(walks).toEqual(alone.slice(0, 2));
    }
  });
});
