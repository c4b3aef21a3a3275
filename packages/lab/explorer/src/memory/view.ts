/**
 * Typed arrays over explored memory: proxies whose every access is a call of the current agent.
 *
 * 1. `new Int32Array(shared, offset, length)` and its ten siblings give one; other arguments fall through to the engine.
 * 2. What is not modelled throws. Nothing falls through to the empty array that stands behind the proxy.
 */
import { ExplorerError, refuse } from '../errors.ts';
import { access, agent } from './agent.ts';
import { elements, type Element } from './elements.ts';
import { memoryOf } from './shared-memory.ts';
import { methods } from './view-methods.ts';

/** What a proxy stands for: `length` elements from byte `offset` of the whole memory on. */
export class View {
  readonly shared: SharedArrayBuffer;
  readonly element: Element;
  readonly offset: number;
  readonly length: number;

  constructor(shared: SharedArrayBuffer, element: Element, offset: number, length: number) {
    this.shared = shared;
    this.element = element;
    this.offset = offset;
    this.length = length;
  }

  get byteLength(): number {
    return this.length * this.element.bytes;
  }

  read(index: number): number | bigint {
    const { element } = this;
    access.element = element;
    const at = this.offset + index * element.bytes;
    if (element.bytes !== 8) return element.decode(agent().read(at, element.bytes));
    return element.decode(agent().read(at, 4), agent().read(at + 4, 4));
  }

  write(index: number, value: unknown): void {
    const { bytes, low, high } = this.element.encode(value);
    access.element = this.element;
    if (index >= this.length) return;
    const at = this.offset + index * bytes;
    if (bytes !== 8) return agent().write(at, bytes, low);
    agent().write(at, 4, low);
    agent().write(at + 4, 4, high);
  }
}

const views = new WeakMap<object, View>();

/** What stands behind a proxy; undefined for any other value. */
export function viewOf(value: unknown): View | undefined {
  return views.get(value as object);
}

/** `new Int32Array(shared, byteOffset, length)` on explored memory, with the checks of the real one. */
export function createView(
  element: Element,
  shared: SharedArrayBuffer,
  byteOffset: number = 0,
  length?: number,
): object {
  const memory = memoryOf(shared) ?? refuse('expected explored memory');
  const size = memory.byteLength;
  const { bytes, name } = element;
  memory.grain.finestBytes = Math.min(memory.grain.finestBytes, bytes);
  if (byteOffset % bytes !== 0) {
    throw new RangeError(`start offset of ${name} should be a multiple of ${bytes}`);
  }
  if (length === undefined && (size - byteOffset) % bytes !== 0) {
    throw new RangeError(`byte length of ${name} should be a multiple of ${bytes}`);
  }
  const count = length ?? (size - byteOffset) / bytes;
  if (byteOffset < 0 || count < 0 || byteOffset + count * bytes > size) {
    throw new RangeError(`Invalid typed array length: ${count}`);
  }
  const view = new View(shared, element, memory.byteOffset + byteOffset, count);
  const proxy = new Proxy(new (realConstructor(name))(0), new Traps(view));
  views.set(proxy, view);
  return proxy;
}

/** The engine's own constructors: the globals are replaced while exploring. */
const real = new Map<string, new (length: number) => object>(
  [...elements.keys()].map((name) => [
    name,
    (globalThis as unknown as Record<string, new (length: number) => object>)[name]!,
  ]),
);

/** The engine's constructor of that name. */
export function realConstructor(name: string): new (length: number) => object {
  return real.get(name)!;
}

/** The index that a property key means; undefined when it is a name, -1 when it is a number that is no index. */
function toIndex(key: string | symbol): number | undefined {
  if (typeof key !== 'string') return undefined;
  const first = key.charCodeAt(0);
  if (first >= 48 && first <= 57) {
    const index = Number(key);
    return Number.isInteger(index) ? index : -1;
  }
  return first === 45 && String(Number(key)) === key ? -1 : undefined;
}

/** The traps of one view's proxy. */
class Traps implements ProxyHandler<object> {
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
  }

  get(target: object, key: string | symbol, proxy: unknown): unknown {
    const view = this.#view;
    const { element } = view;
    const index = toIndex(key);
    if (index !== undefined) return this.#isInside(index) ? view.read(index) : undefined;
    switch (key) {
      case 'length':
        return view.length;
      case 'byteLength':
        return view.byteLength;
      case 'byteOffset':
        return byteOffsetOf(view);
      case 'buffer':
        return view.shared;
      case 'BYTES_PER_ELEMENT':
        return element.bytes;
      case Symbol.toStringTag:
        return element.name;
      case 'subarray':
        return (from?: number, to?: number) => subarray(view, from, to);
      case 'constructor':
        return Reflect.get(globalThis, element.name);
      default:
        return methods.get(key) ?? this.#getOther(target, key, proxy);
    }
  }

  set(_target: object, key: string | symbol, value: unknown): boolean {
    const index = toIndex(key);
    if (index === undefined) return this.#refuse(`property ${String(key)}`);
    if (index >= 0) this.#view.write(index, value);
    return true;
  }

  has(target: object, key: string | symbol): boolean {
    const index = toIndex(key);
    return index === undefined ? key in target : this.#isInside(index);
  }

  deleteProperty(_target: object, key: string | symbol): boolean {
    return !this.#isInside(toIndex(key) ?? -1);
  }

  ownKeys(): never {
    return this.#refuse('listing the keys');
  }

  defineProperty(): never {
    return this.#refuse('defining a property');
  }

  getOwnPropertyDescriptor(): never {
    return this.#refuse('a property descriptor');
  }

  preventExtensions(): never {
    return this.#refuse('freezing');
  }

  setPrototypeOf(): never {
    return this.#refuse('changing the prototype');
  }

  #isInside(index: number): boolean {
    return index >= 0 && index < this.#view.length;
  }

  #getOther(target: object, key: string | symbol, proxy: unknown): unknown {
    if (key in target && !(key in Object.prototype)) {
      throw new ExplorerError(
        `${this.#view.element.name}.prototype.${String(key)} is not modelled`,
      );
    }
    return Reflect.get(target, key, proxy);
  }

  #refuse(what: string): never {
    return refuse(`${what} of a ${this.#view.element.name} on explored memory is not modelled`);
  }
}

/** From the beginning of its buffer, which may be a part. */
function byteOffsetOf({ shared, offset }: View): number {
  return offset - memoryOf(shared)!.byteOffset;
}

function subarray(view: View, from: number = 0, to: number = view.length): object {
  const clamp = (at: number): number =>
    Math.trunc(at < 0 ? Math.max(view.length + at, 0) : Math.min(at, view.length));
  const start = clamp(from);
  const byteOffset = byteOffsetOf(view) + start * view.element.bytes;
  return createView(view.element, view.shared, byteOffset, Math.max(clamp(to) - start, 0));
}
