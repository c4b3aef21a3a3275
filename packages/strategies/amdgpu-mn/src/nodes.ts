/**
 * The interval tree of an address space's bos, and its nodes: struct amdgpu_mn_node.
 *
 * 1. With `merges` (v5.3) nodes do not overlap: a bo that overlaps some makes one of them all, which covers it too. A
 *    node goes when its last bo does, and never gets smaller. Without, each bo has a node of its own.
 * 2. A bo lies inside its node. `bo.node` is that node while it is registered.
 *
 * Whoever changes the tree holds amn->lock for write; who searches it, for read.
 */
import {
  addressMax,
  invariant,
  type IndexHandle,
  type IntervalIndex,
  type Span,
} from '@mmu-notifier/core';
import type { Bo } from './bo.ts';

/** See the file's head. */
export class MnNode implements Span {
  readonly start: number;
  readonly end: number;
  readonly bos: Set<Bo>;
  handle: IndexHandle = -1;
  /** The kernel gave its memory back. */
  isFreed = false;

  constructor({ start, end }: Span, bos: Iterable<Bo>) {
    this.start = start;
    this.end = end;
    this.bos = new Set(bos);
  }
}

/** See the file's head. */
export class Nodes {
  readonly #tree: IntervalIndex<MnNode>;
  readonly #merges: boolean;

  constructor(tree: IntervalIndex<MnNode>, { merges }: { readonly merges: boolean }) {
    this.#tree = tree;
    this.#merges = merges;
  }

  /** Linux: amdgpu_mn_register, with the lock held. */
  insert(bo: Bo): void {
    let { start, end } = bo;
    const bos = [bo];
    for (const node of this.#merges ? this.hits(bo) : []) {
      this.#tree.remove(node.handle);
      start = Math.min(start, node.start);
      end = Math.max(end, node.end);
      bos.push(...node.bos);
    }
    const merged = new MnNode({ start, end }, bos);
    merged.handle = this.#tree.insert(merged);
    for (const each of bos) each.node = merged;
  }

  /** Linux: amdgpu_mn_unregister, with the lock held. */
  remove(bo: Bo): void {
    const { node } = bo;
    if (node === undefined) return;
    bo.node = undefined;
    node.bos.delete(bo);
    if (node.bos.size === 0) this.#tree.remove(node.handle);
  }

  /** Nodes that a range hits; not all of their bos are hit. */
  hits(range: Span): MnNode[] {
    const hits: MnNode[] = [];
    this.#tree.collect(range, hits);
    return hits;
  }

  all(): MnNode[] {
    return this.hits({ start: 0, end: addressMax });
  }

  /** Frees every node. v5.3 does not take them out of the tree: whoever still searches it finds them. (AMD-3) */
  free({ erases }: { readonly erases: boolean }): void {
    for (const node of this.all()) {
      if (erases) this.#tree.remove(node.handle);
      for (const bo of node.bos) bo.node = undefined;
      node.bos.clear();
      node.isFreed = true;
    }
  }

  verify(): void {
    this.#tree.verify();
    const nodes = this.all().toSorted((a, b) => a.start - b.start);
    invariant(nodes.length === this.#tree.size, 'a node is not found');
    let endBefore = 0;
    for (const node of nodes) {
      invariant(!this.#merges || endBefore <= node.start, `nodes overlap at ${node.start}`);
      invariant(node.isFreed || node.bos.size > 0, `the node at ${node.start} has no bo`);
      for (const bo of node.bos) {
        invariant(node.start <= bo.start && bo.end <= node.end, 'a bo is not inside its node');
        invariant(bo.node === node, 'a bo is in the node of another');
      }
      endBefore = node.end;
    }
  }
}
