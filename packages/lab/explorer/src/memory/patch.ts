/**
 * Puts the model in place of `Atomics` and the typed-array constructors, and takes it away again.
 *
 * 1. Only what touches explored memory is modelled; everything else falls through to the engine.
 * 2. While the patch is on, Atomics on other arrays cost about three times as much, and afterwards V8 may keep
 *    `Atomics` in a slower mode: never measure in a process that has explored.
 */
import { refuse } from '../errors.ts';
import { agent, isRunning } from './agent.ts';
import { elements } from './elements.ts';
import { Kind, Operation, Patience, Waited, type Bits } from './operation.ts';
import { memoryOf } from './shared-memory.ts';
import { withPromisesWatched } from './unwound-promises.ts';
import { createView, viewOf, type View } from './view.ts';

type Method = (this: unknown, ...rest: never[]) => unknown;
type Model = (view: View, index: number, ...rest: unknown[]) => unknown;

let undo: (() => void)[] | undefined;

/** Turns the model on, runs `code`, and turns it off. */
export function withPatch<T>(code: () => T): T {
  if (undo !== undefined) refuse('an exploration inside an exploration');
  undo = [];
  try {
    patchAtomics();
    patchConstructors();
    return withPromisesWatched(code);
  } finally {
    for (const step of undo.reverse()) step();
    undo = undefined;
  }
}

function replace(target: object, name: string, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { configurable: true, writable: true, value });
  undo!.push(() => {
    if (before === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, before);
  });
}

function patchAtomics(): void {
  for (const [name, model] of Object.entries(models)) {
    const original = Reflect.get(Atomics, name) as Method;
    replace(Atomics, name, (array: unknown, index: unknown, ...rest: unknown[]) => {
      const view = viewOf(array);
      if (view === undefined) return original.apply(Atomics, [array, index, ...rest] as never[]);
      return model(view, checkIndex(view, index), ...rest);
    });
  }
  const pause = Reflect.get(Atomics, 'pause') as Method | undefined;
  replace(Atomics, 'pause', (hint?: number) => {
    if (isRunning()) agent().pause();
    else pause?.call(Atomics, hint as never);
  });
}

function patchConstructors(): void {
  for (const [name, element] of elements) {
    const original = Reflect.get(globalThis, name) as new () => object;
    const patched: object = new Proxy(original, {
      construct(target, [first, ...rest], newTarget) {
        const asked = newTarget === patched ? target : newTarget;
        if (memoryOf(first) === undefined)
          return Reflect.construct(target, [first, ...rest], asked);
        if (asked !== target) refuse(`a subclass of ${name} on explored memory is not modelled`);
        return createView(element, first, ...(rest as [number?, number?]));
      },
    });
    replace(globalThis, name, patched);
  }
  for (const name of ['DataView', 'Float16Array']) {
    const original = Reflect.get(globalThis, name) as (new () => object) | undefined;
    if (original === undefined) continue;
    const patched: object = new Proxy(original, {
      construct(target, rest, newTarget) {
        if (memoryOf(rest[0]) !== undefined) refuse(`${name} on explored memory is not modelled`);
        return Reflect.construct(target, rest, newTarget === patched ? target : newTarget);
      },
    });
    replace(globalThis, name, patched);
  }
}

function checkIndex(view: View, index: unknown): number {
  if (!view.element.atomic)
    throw new TypeError(`[object ${view.element.name}] is not an integer typed array.`);
  const at = Math.trunc(Number(index)) || 0;
  if (at < 0 || at >= view.length) throw new RangeError(`Invalid atomic access index: ${at}`);
  return at;
}

function operate(
  kind: Kind,
  view: View,
  index: number,
  operand: Bits,
  expected: Bits = 0,
): unknown {
  const { element, offset } = view;
  const { bytes } = element;
  const operation = new Operation(
    kind,
    offset + index * bytes,
    bytes,
    operand,
    expected,
    0,
    element,
  );
  return element.decodeBits(agent().operate(operation));
}

const modify =
  (kind: Kind): Model =>
  (view, index, value) =>
    operate(kind, view, index, view.element.encodeBits(value));

const models: Record<string, Model> = {
  load: (view, index) => operate(Kind.load, view, index, 0),
  store(view, index, value) {
    operate(Kind.store, view, index, view.element.encodeBits(value));
    return view.element.big ? BigInt(value as bigint) : Math.trunc(Number(value)) || 0;
  },
  add: modify(Kind.add),
  sub: modify(Kind.sub),
  and: modify(Kind.and),
  or: modify(Kind.or),
  xor: modify(Kind.xor),
  exchange: modify(Kind.exchange),
  compareExchange(view, index, expected, replacement) {
    const { element } = view;
    const bits = element.encodeBits(expected);
    return operate(Kind.compareExchange, view, index, element.encodeBits(replacement), bits);
  },
  wait(view, index, expected, timeoutMs) {
    const { element, offset } = view;
    checkWaitable(view);
    const limit = timeoutMs === undefined ? Infinity : Number(timeoutMs);
    const patience =
      Number.isNaN(limit) || limit === Infinity
        ? Patience.endless
        : limit > 0
          ? Patience.some
          : Patience.none;
    const at = offset + index * element.bytes;
    const ended = agent().operate(
      new Operation(
        Kind.wait,
        at,
        element.bytes,
        0,
        element.encodeBits(expected),
        patience,
        element,
      ),
    );
    return ended === Waited.ok ? 'ok' : ended === Waited.notEqual ? 'not-equal' : 'timed-out';
  },
  notify(view, index, count) {
    const { element, offset } = view;
    checkWaitable(view);
    const asked = count === undefined ? Infinity : Math.max(Math.trunc(Number(count)) || 0, 0);
    const at = offset + index * element.bytes;
    const operand = asked > 0x7fff_ffff ? -1 : asked;
    return agent().operate(new Operation(Kind.notify, at, element.bytes, operand, 0, 0, element));
  },
  waitAsync(view, index, expected, timeoutMs) {
    const { element } = view;
    checkWaitable(view);
    const found = operate(Kind.load, view, index, 0);
    if (element.encodeBits(found) !== element.encodeBits(expected)) {
      return { async: false, value: 'not-equal' };
    }
    if (Number(timeoutMs) <= 0) return { async: false, value: 'timed-out' };
    // A thread never comes back to its event loop, so nobody would hear of it.
    return { async: true, value: new Promise(() => {}) };
  },
};

function checkWaitable(view: View): void {
  if (view.element.waitable) return;
  throw new TypeError(`[object ${view.element.name}] is not an int32 or BigInt64 typed array.`);
}
