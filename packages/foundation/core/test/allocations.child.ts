/**
 * Run by allocations.test.ts with --expose-gc and a large young generation: prints how many bytes of heap one section
 * costs, and one object for comparison.
 */
import { SectionTable, type Invalidation } from '../src/index.ts';

const operations = 100_000;
const table = new SectionTable();
const range = { start: 0, end: 4096, event: 'UNMAP' as const };
for (let i = 0; i < 10; i++) table.open(range, true);
let kept: unknown;

const results = {
  section: bytesOf(() => {
    const outer = table.open(range, true).handle as Invalidation;
    const inner = table.open(range, false).handle as Invalidation;
    table.close(table.find(outer));
    table.close(table.find(inner));
  }),
  object: bytesOf(() => (kept = { range })),
};
console.log(JSON.stringify({ ...results, isKept: kept !== undefined }));

function bytesOf(act: () => void): number {
  let least = Infinity;
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < operations; i++) act();
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / operations);
  }
  return least;
}
