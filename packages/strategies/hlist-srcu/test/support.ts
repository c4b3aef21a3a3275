/** What the tests share: notifiers in both kinds of memory, promises settled by hand, the codes of errors. */
import {
  codeOf,
  type MaybePromise,
  type NotifierErrorCode,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import {
  hlistSrcu,
  type HlistCreateOptions,
  type HlistNotifier,
  type HlistSubscription,
} from '../src/index.ts';

/** Both kinds of memory; the second is then used by one agent only. */
export const memories = ['ArrayBuffer', 'SharedArrayBuffer'] as const;
export type MemoryKind = (typeof memories)[number];

/** A notifier, and how to subscribe in either kind of memory. */
export interface Setup {
  readonly notifier: HlistNotifier;
  readonly words: () => Int32Array;
  subscribe(ops: SubscriptionOps, cookie?: number): HlistSubscription;
}

const span = { start: 0, end: 4096 };
export const page = { start: 0, end: 4096 } as const;
export const farPage = { start: 1_048_576, end: 1_052_672 } as const;

export function setUp(kind: MemoryKind, options: HlistCreateOptions = {}): Setup {
  const capacity = 8;
  const memory =
    kind === 'ArrayBuffer'
      ? {}
      : { memory: new SharedArrayBuffer(hlistSrcu.byteLength(capacity)), capacity };
  const notifier = hlistSrcu.create({ ...memory, ...options });
  let ids = 0;
  return {
    notifier,
    words: () => new Int32Array(notifier.memory),
    subscribe(ops, cookie = 0) {
      if (kind === 'ArrayBuffer') return notifier.subscribeSync(span, ops, { cookie });
      const id = ids++;
      notifier.registerOps(id, ops);
      return notifier.subscribeSync(span, id, { cookie });
    },
  };
}

/** Ops that do nothing but count. */
export function counting(): SubscriptionOps & { calls: number } {
  const ops = {
    calls: 0,
    invalidate(): void {
      ops.calls++;
    },
  };
  return ops;
}

/** A value that must not be a promise: for what should not have had to wait. */
export function now<T>(value: MaybePromise<T>): T {
  if (value instanceof Promise) throw new Error('expected a value at once, got a promise');
  return value;
}

/** Whether a promise is still pending once everything that can run has run. */
export async function isPending(promise: MaybePromise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  void Promise.resolve(promise).then(settle, settle);
  await turn();
  return !isSettled;
}

/** Lets everything run that can. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** The code of what a call throws or rejects with. */
export async function codeFrom(act: () => unknown): Promise<NotifierErrorCode | undefined> {
  try {
    await act();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    return code;
  }
  return undefined;
}

/** What a call throws or rejects with, or undefined. */
export async function thrownFrom(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Seeds of the property tests: fast-check prints the one that failed; MMN_SEED sets it. */
const given = process.env['MMN_SEED'];
export const seeded: { readonly seed?: number } =
  given === undefined ? {} : { seed: Number(given) };
