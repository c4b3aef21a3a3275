/** The small changes that the mutation tester makes: one at a time, found in the syntax tree. */
import { parseAst } from 'vitest/node';

/** A change of one place in one file, by offsets. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly replace: string;
  /** What was done, in a word. */
  readonly operator: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

const opposite: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '+': '-',
  '-': '+',
  '*': '/',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  '&': '|',
  '|': '&',
  '<<': '>>',
  '>>>': '<<',
};

/** Calls whose text says that nothing is tested by leaving them out: messages and invariants. */
const isSpeech = /^(invariant|refuse\w*|.*refuse\w*|fail|.*Error)$/;

/** Every change of a source. Types, messages and imports are left alone. */
export function changesOf(source: string): Change[] {
  const changes: Change[] = [];
  visit(parseAst(source, { lang: 'ts' }) as unknown as Node, source, changes);
  return changes.sort((a, b) => a.start - b.start || a.end - b.end);
}

function visit(node: Node, source: string, changes: Change[]): void {
  if (node.type.startsWith('TS') && !/^TS(AsExpression|NonNull|Satisfies)/.test(node.type)) return;
  if (node.type === 'ImportDeclaration' || node.type === 'ThrowStatement') return;
  changes.push(...changesAt(node, source));
  for (const [field, value] of Object.entries(node)) {
    if (field === 'typeAnnotation' || field === 'returnType' || field === 'typeArguments') continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) visit(child, source, changes);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof (value as Node | null)?.type === 'string';
}

function changesAt(node: Node, source: string): Change[] {
  const whole = { start: node.start, end: node.end };
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression': {
      const [left, right] = [node['left'] as Node, node['right'] as Node];
      const operator = node['operator'] as string;
      const other = opposite[operator];
      const at = source.indexOf(operator, left.end);
      if (other === undefined || at < 0 || at >= right.start) return [];
      const place = { start: at, end: at + operator.length };
      return [{ ...place, replace: other, operator: `${operator} becomes ${other}` }];
    }
    case 'IfStatement':
    case 'WhileStatement': {
      const { start, end } = node['test'] as Node;
      const conditions = node.type === 'IfStatement' ? ['true', 'false'] : ['false'];
      return conditions.map((replace) => ({
        start,
        end,
        replace,
        operator: `condition ${replace}`,
      }));
    }
    case 'ConditionalExpression': {
      const { start, end } = node['test'] as Node;
      return ['true', 'false'].map((replace) => ({
        start,
        end,
        replace,
        operator: `condition ${replace}`,
      }));
    }
    case 'ExpressionStatement': {
      const { type } = node['expression'] as Node;
      const isDone = /^(Call|Assignment|Update|Await|Yield|Unary)/.test(type);
      const callee = /^[\w.#]*?([\w#]+)\(/.exec(source.slice(node.start, node.end))?.[1] ?? '';
      if (!isDone || isSpeech.test(callee) || source.startsWith('super', node.start)) return [];
      return [{ ...whole, replace: ';', operator: 'statement left out' }];
    }
    case 'UnaryExpression': {
      if (node['operator'] !== '!') return [];
      const { start, end } = node['argument'] as Node;
      return [{ ...whole, replace: source.slice(start, end), operator: '! left out' }];
    }
    case 'UpdateExpression': {
      const text = source.slice(node.start, node.end);
      const replace = text.includes('++') ? text.replace('++', '--') : text.replace('--', '++');
      return [{ ...whole, replace, operator: 'counts the other way' }];
    }
    case 'Literal': {
      const { value } = node as { value?: unknown };
      if (typeof value === 'number') {
        return [
          { ...whole, replace: String(value + 1), operator: `${value} becomes ${value + 1}` },
        ];
      }
      if (typeof value === 'boolean') {
        return [{ ...whole, replace: String(!value), operator: `${value} becomes ${!value}` }];
      }
      return [];
    }
    default:
      return [];
  }
}
