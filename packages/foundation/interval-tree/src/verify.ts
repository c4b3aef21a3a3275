/** The invariants of layout.ts, executed. */
import {
  AVAILABLE,
  BUMP,
  CAPACITY,
  COUNT_MIN,
  countOf,
  FAN_OUT,
  FREE,
  GROUPS,
  HEADER,
  HEIGHT,
  LASTS,
  MAX,
  NODE,
  OCCUPIED,
  PAD_LAST,
  PAD_START,
  PARENT,
  REFERENCES,
  ROOT,
  SIZE,
  SLOTS,
  STARTS,
  type Words,
} from './layout.ts';

/** What the walk knows of a node before it looks: how high it is, what surrounds it, what its parent says of it. */
interface Place {
  level: number;
  parent: number;
  startMin: number;
  startMax: number;
  isLast: boolean;
}

function hold(condition: boolean, what: string, node: number): asserts condition {
  if (!condition) throw new Error(`interval tree is broken: ${what} (node ${node})`);
}

/** Throws at the first broken invariant. Reads the whole tree and the whole table. */
export function verifyWords(words: Words): void {
  const { ints, whereIs } = words;
  const root = ints[ROOT]!;
  const seen = new Set<number>();
  const intervals = verifyNode(words, root, seen, {
    level: ints[HEIGHT]!,
    parent: 0,
    startMin: 0,
    startMax: Infinity,
    isLast: true,
  });
  hold(intervals === ints[SIZE], `size says ${ints[SIZE]}, there are ${intervals} intervals`, root);

  const inUse = seen.size;
  let inTable = 0;
  for (let handle = 0; handle < ints[CAPACITY]!; handle++) {
    if (ints[whereIs + handle] !== 0) inTable++;
  }
  hold(
    inTable === intervals,
    `the table has ${inTable} handles, the leaves have ${intervals}`,
    root,
  );

  for (let node = ints[FREE]!; node !== 0; node = ints[2 * node + OCCUPIED]!) {
    hold(isNode(words, node), 'the list of free nodes leads elsewhere', node);
    hold(!seen.has(node), 'a free node is in use, or free twice', node);
    seen.add(node);
  }
  const taken = (ints[BUMP]! - HEADER) / NODE;
  hold(seen.size === taken, `${taken} nodes were taken, ${seen.size} are in use or free`, root);
  const nodes = (whereIs / 2 - HEADER) / NODE;
  hold(taken <= nodes, 'nodes run into the table', root);
  hold(
    ints[AVAILABLE] === nodes - inUse,
    `${nodes - inUse} nodes are available, not ${ints[AVAILABLE]}`,
    root,
  );
}

/** Whether `node` is the name of a node that was ever taken. */
function isNode(words: Words, node: number): boolean {
  return node >= HEADER && (node - HEADER) % NODE === 0 && node < words.ints[BUMP]!;
}

/** Verifies what is at and below `node`; returns how many intervals that is. */
function verifyNode(words: Words, node: number, seen: Set<number>, place: Place): number {
  const { doubles, ints, whereIs } = words;
  const { level, parent, startMin, startMax, isLast } = place;
  hold(isNode(words, node), 'not a node', node);
  hold(!seen.has(node), 'reached twice', node);
  seen.add(node);
  hold(ints[2 * node + PARENT] === parent, `expected parent ${parent}`, node);
  verifyCount(words, node, parent === 0, level, isLast);

  const occupied = ints[2 * node + OCCUPIED]!;
  const count = countOf(occupied);
  const end = SLOTS - (Math.clz32(occupied) - 16);
  let max = PAD_LAST;
  let previous = startMin;
  let intervals = 0;
  for (let k = 0; k < SLOTS; k++) {
    const start = doubles[node + STARTS + k]!;
    const last = doubles[node + LASTS + k]!;
    if ((occupied & (1 << k)) !== 0) {
      const reference = ints[2 * node + REFERENCES + k]!;
      hold(start >= previous && start <= startMax, `entry ${k} is out of order`, node);
      hold(start <= last, `entry ${k} is inverted`, node);
      previous = start;
      max = Math.max(max, last);
      if (level === 0) {
        hold(
          ints[whereIs + reference] === node + k,
          `the table does not find handle ${reference}`,
          node,
        );
        intervals++;
      } else {
        hold(doubles[reference + MAX] === last, `entry ${k} has another max than its child`, node);
        intervals += verifyNode(words, reference, seen, {
          level: level - 1,
          parent: node,
          startMin: start,
          startMax: k + 1 < count ? doubles[node + STARTS + k + 1]! : startMax,
          isLast: isLast && k + 1 === count,
        });
      }
    } else {
      hold(start >= previous && last === PAD_LAST, `place ${k} should be a hole`, node);
      hold(k < end || start === PAD_START || level === 0, `place ${k} should be a pad`, node);
      previous = start;
    }
    if (k % 4 === 3) {
      const g = node + GROUPS + (k >> 2);
      const group = doubles[g]!;
      const mayBeTooLarge = level === 0 && group <= doubles[Math.min(g + 1, node + MAX)]!;
      hold(
        group === max || (mayBeTooLarge && group > max),
        `group maximum ${k >> 2} is wrong`,
        node,
      );
    }
  }
  hold(doubles[node + MAX] === max, 'max is wrong', node);
  return intervals;
}

function verifyCount(
  words: Words,
  node: number,
  isRoot: boolean,
  level: number,
  isLast: boolean,
): void {
  const occupied = words.ints[2 * node + OCCUPIED]!;
  const count = countOf(occupied);
  const fanOut = words.ints[FAN_OUT]!;
  let countMin = words.ints[COUNT_MIN]!;
  if (isLast) countMin = 1;
  if (isRoot) countMin = level === 0 ? 0 : 2;
  hold(
    count >= countMin && count <= fanOut,
    `${count} entries, expected ${countMin} to ${fanOut}`,
    node,
  );
}
