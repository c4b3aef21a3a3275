/**
 * Methods of typed arrays on explored memory. Most of `Array.prototype` is written for anything with a length and
 * indices, so it does what the typed array's own method does, access by access and in the same order.
 */
import { realConstructor, viewOf, type View } from './view.ts';

type Values = { [index: number]: number | bigint; readonly length: number };
type RealArray = Values & {
  sort(compare?: unknown): RealArray;
  toSorted(compare?: unknown): RealArray;
  toReversed(): RealArray;
  with(index: number, value: unknown): RealArray;
};

/** Methods that `Array.prototype` has with the same meaning. */
const shared = [
  'at',
  'copyWithin',
  'entries',
  'every',
  'fill',
  'find',
  'findIndex',
  'findLast',
  'findLastIndex',
  'forEach',
  'includes',
  'indexOf',
  'join',
  'keys',
  'lastIndexOf',
  'reduce',
  'reduceRight',
  'reverse',
  'some',
  'toLocaleString',
  'toString',
  'values',
] as const;

function create(proxy: unknown, length: number): RealArray {
  return new (realConstructor(self(proxy).element.name))(length) as RealArray;
}

function self(proxy: unknown): View {
  const view = viewOf(proxy);
  if (view === undefined) throw new TypeError('this is not a typed array.');
  return view;
}

/** A private copy, read in order. */
function copy(proxy: unknown, from = 0, to = self(proxy).length): RealArray {
  const view = self(proxy);
  const values = create(proxy, Math.max(to - from, 0));
  for (let i = from; i < to; i++) values[i - from] = view.read(i);
  return values;
}

const own: Record<string, (this: unknown, ...rest: never[]) => unknown> = {
  set(source: Values, offset = 0) {
    const view = self(this);
    const values = viewOf(source) === undefined ? source : copy(source);
    if (offset < 0 || offset + values.length > view.length)
      throw new RangeError('offset is out of bounds');
    for (let i = 0; i < values.length; i++) view.write(offset + i, values[i]);
  },
  slice(this: unknown, from = 0, to = self(this).length) {
    const { length } = self(this);
    const clamp = (at: number): number =>
      at < 0 ? Math.max(length + at, 0) : Math.min(at, length);
    return copy(this, clamp(from), clamp(to));
  },
  map(callback: (value: unknown, index: number, array: unknown) => number) {
    const view = self(this);
    const result = create(this, view.length);
    for (let i = 0; i < view.length; i++) result[i] = callback(view.read(i), i, this);
    return result;
  },
  filter(keep: (value: unknown, index: number, array: unknown) => boolean) {
    const view = self(this);
    const kept: (number | bigint)[] = [];
    for (let i = 0; i < view.length; i++) {
      const value = view.read(i);
      if (keep(value, i, this)) kept.push(value);
    }
    return Object.assign(create(this, kept.length), kept);
  },
  sort(compare?: unknown) {
    const view = self(this);
    const sorted = copy(this).sort(compare);
    for (let i = 0; i < view.length; i++) view.write(i, sorted[i]);
    return this;
  },
  toSorted(this: unknown, compare?: unknown) {
    return copy(this).toSorted(compare);
  },
  toReversed() {
    return copy(this).toReversed();
  },
  with(index: number, value: unknown) {
    return copy(this).with(index, value);
  },
};

/** Every modelled method but `subarray`, by name. */
export const methods: ReadonlyMap<string | symbol, unknown> = new Map<string | symbol, unknown>([
  ...shared.map((name) => [name, Array.prototype[name]] as const),
  ...Object.entries(own),
  [Symbol.iterator, Array.prototype.values],
]);
