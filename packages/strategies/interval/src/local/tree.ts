/**
 * The interval tree of one event loop: a treap of the entries themselves, in the order of their starts, each with the
 * largest `last` below it.
 *
 * 1. In order: by `start`, then by `order`, which no two entries share.
 * 2. A heap: no child has a larger `priority` than its parent. Priorities being random, the tree is O(log n) deep.
 * 3. `max` is the largest `last` of a node and of all below it.
 *
 * Source: Seidel and Aragon, "Randomized search trees" (1996); `max` as in CLRS, "Interval trees". The tree of
 * `@mmu-notifier/interval-tree` lives in words, is several times as fast where thousands subscribe, and larger than all that is in
 * this folder.
 */

/** A node, and what lies in it: `[start, last]`, in bytes. Its links belong to this file. */
export interface TreeNode<N> {
  start: number;
  last: number;
  max: number;
  left: N | undefined;
  right: N | undefined;
  readonly order: number;
  readonly priority: number;
}

let random = 1;

/** A priority: 32 bits that look random, the same in every run. Source: Marsaglia, "Xorshift RNGs" (2003). */
export function nextPriority(): number {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return random;
}

/** Puts a node that is in no tree into one; returns the new root. */
export function insert<N extends TreeNode<N>>(root: N | undefined, node: N): N {
  if (root === undefined) {
    node.left = node.right = undefined;
    return update(node);
  }
  if (isBefore(node, root)) {
    const left = insert(root.left, node);
    root.left = left;
    if (left.priority <= root.priority) return update(root);
    root.left = left.right;
    left.right = update(root);
    return update(left);
  }
  const right = insert(root.right, node);
  root.right = right;
  if (right.priority <= root.priority) return update(root);
  root.right = right.left;
  right.left = update(root);
  return update(right);
}

/** Takes a node out of a tree, if it is there; returns the new root. */
export function remove<N extends TreeNode<N>>(root: N | undefined, node: N): N | undefined {
  if (root === undefined) return undefined;
  if (root === node) return join(root.left, root.right);
  if (isBefore(node, root)) root.left = remove(root.left, node);
  else root.right = remove(root.right, node);
  return update(root);
}

/** One tree of two, of which all of the first is before all of the second. */
function join<N extends TreeNode<N>>(first: N | undefined, second: N | undefined): N | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  if (first.priority > second.priority) {
    first.right = join(first.right, second);
    return update(first);
  }
  second.left = join(first, second.left);
  return update(second);
}

function isBefore<N extends TreeNode<N>>(a: N, b: N): boolean {
  return a.start < b.start || (a.start === b.start && a.order < b.order);
}

function update<N extends TreeNode<N>>(node: N): N {
  const { left, right } = node;
  let max = node.last;
  if (left !== undefined && left.max > max) max = left.max;
  if (right !== undefined && right.max > max) max = right.max;
  node.max = max;
  return node;
}
