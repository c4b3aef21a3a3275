/**
 * Which blocks of a source a test enters. Each block, and each arrow function's expression, gets a mark that is set on entry; a change
 * belongs to the innermost block around it, or to the module. A test that did not enter that block cannot notice the change.
 */
import { parseAst } from 'vitest/node';

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** Part of a source, by offsets, and its number. */
export interface Block {
  readonly start: number;
  readonly end: number;
  readonly number: number;
  /** Of statements, in braces; else an arrow function's expression, or the module. */
  readonly hasBraces: boolean;
}

/** The blocks of a source: the first is the module. */
export function blocksOf(source: string, firstNumber: number): Block[] {
  const blocks: Block[] = [{ start: 0, end: source.length, number: firstNumber, hasBraces: false }];
  visit(parseAst(source, { lang: 'ts' }) as unknown as Node, (node) => {
    const { start, end, type } = node;
    const hasBraces = type === 'BlockStatement';
    blocks.push({ start, end, number: firstNumber + blocks.length, hasBraces });
  });
  return blocks;
}

function visit(node: Node, found: (block: Node) => void): void {
  if (node.type === 'BlockStatement') found(node);
  if (node.type === 'ArrowFunctionExpression') {
    const body = node['body'] as Node;
    if (body.type !== 'BlockStatement') found(body);
  }
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof (child as Node | null)?.type === 'string') visit(child as Node, found);
    }
  }
}

/** The innermost block around a place. */
export function blockAt(blocks: readonly Block[], start: number, end: number): number {
  let found = blocks[0]!;
  for (const block of blocks) {
    const isAround = block.start <= start && end <= block.end;
    if (isAround && block.end - block.start <= found.end - found.start) found = block;
  }
  return found.number;
}

/** The source with the marks; its lines stay lines. Parentheses around an expression stay outside. */
export function withMarks(source: string, blocks: readonly Block[]): string {
  const inserts: { at: number; text: string; order: number }[] = [];
  for (const [order, { start, end, number, hasBraces }] of blocks.entries()) {
    const mark = `mmuMarks[${number}]=1`;
    if (order === 0) continue;
    if (hasBraces) inserts.push({ at: start + 1, text: `${mark};`, order });
    else {
      inserts.push({ at: start, text: `(${mark},(`, order });
      inserts.push({ at: end, text: '))', order: -order });
    }
  }
  inserts.sort((a, b) => a.at - b.at || a.order - b.order);
  let marked = '';
  let from = 0;
  for (const { at, text } of inserts) {
    marked += source.slice(from, at) + text;
    from = at;
  }
  return `import{getEnvironmentData as mmuData}from'node:worker_threads';const mmuMarks:Uint8Array=(globalThis as any).mmuNotifierBlocks??mmuData('mmu-notifier blocks')??new Uint8Array(65536);mmuMarks[${blocks[0]!.number}]=1;${marked}${source.slice(from)}`;
}
