/**
 * Runs some of what is known of a thread once more, to see whether the code still does the same: what ran only once cannot
 * have shown that it depends on something else than the memory.
 */
import { Execution, type Continuation } from './execution.ts';
import { Log } from './log.ts';
import type { Point, Trie } from './trie.ts';

const pathsMax = 10;

/** @throws Nondeterminism when a thread does something else than before */
export function recheck(tries: readonly Trie[]): void {
  for (const trie of tries) {
    const ends = trie.points.filter((point) => point.operation === undefined);
    const paths = ends.length > 0 ? ends : trie.points;
    const stride = Math.ceil(paths.length / pathsMax);
    for (let i = paths.length - 1; i >= 0; i -= stride) recheckPath(trie, paths[i]!);
  }
}

function recheckPath(trie: Trie, point: Point): void {
  const log = new Log();
  log.load(point.run);
  const continuation: Continuation = {
    plain: () => execution.differ('another access'),
    visible(operation) {
      if (point.operation?.equals(operation) !== true) execution.differ(operation.toString());
      return undefined;
    },
  };
  const execution = new Execution(trie, log, continuation);
  const { how } = execution.run();
  const before = point.operation !== undefined ? 'stopped' : point.thrown ? 'threw' : 'returned';
  if (how !== before) execution.differ(`it ${how}`);
}
