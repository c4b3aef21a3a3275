/** One observation of one notifier: one operation, measured by mitata. */
import {
  isPromise,
  type Notifier,
  type Subscription,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { measure } from 'mitata';
import type { Observation } from '../method.ts';
import { ROW_WORDS, viewOperations, type Operations } from '../tree/operations.ts';
import { makeAddressSpace } from './contenders.ts';

/** What is measured. A section is a start and its end. */
export type Operation = 'section' | 'read' | 'subscribe';

const opsId = 1;

/** An address space with its subscriptions, and the sections to raise. */
export interface Work {
  readonly mm: Notifier;
  readonly devices: Notifier;
  readonly subscriptions: readonly Subscription[];
  readonly sections: readonly { readonly start: number; readonly end: number }[];
  /** Raises every section once, or the first `count`; returns how many hits or calls there were. */
  countHits(count?: number): number;
}

/** What `invalidate` counts: calls for a span that the section meets, or all, which is the least that a callback can do and be noticed. */
type Counted = 'hits' | 'calls';

/** Subscribes the initial set of the file. */
export function prepareNotifier(
  contender: string,
  bytes: ArrayBuffer,
  counted: Counted = 'hits',
): Work {
  const operations = viewOperations(bytes);
  const { mm, devices } = makeAddressSpace(contender, operations.capacity + 1);
  const spans = spansOf(operations, 'initial');
  const sections = spansOf(operations, 'operations');
  let hits = 0;
  const countHit: SubscriptionOps['invalidate'] = (range, cookie) => {
    const span = spans[cookie]!;
    if (range.start < span.end && span.start < range.end) hits++;
  };
  const countCall = (): void => {
    hits++;
  };
  devices.registerOps(opsId, { invalidate: counted === 'hits' ? countHit : countCall });
  const subscriptions = spans.map((span, cookie) =>
    now(devices.subscribe(span, opsId, { cookie })),
  );
  const countHits = (count = sections.length): number => {
    hits = 0;
    for (const span of sections.slice(0, count)) {
      now(mm.invalidateRangeEnd(now(mm.invalidateRangeStart(span))));
    }
    return hits;
  };
  return { mm, devices, subscriptions, sections, countHits };
}

/** Sections raised afterwards, and where sections are not what is measured. */
const SAMPLE = 16;

/** Repeats the operation for about `budgetMs`. The hash is of the hits before; some are counted again after. */
export async function observeNotifier(
  contender: string,
  bytes: ArrayBuffer,
  operation: Operation,
  budgetMs: number,
): Promise<Observation> {
  const work = prepareNotifier(contender, bytes);
  const sampled = work.countHits(SAMPLE);
  const hits = operation === 'section' ? work.countHits() : sampled;
  const run = { section, read, subscribe }[operation](work);
  const { min, ticks } = await measure(run, { min_cpu_time: budgetMs * 1e6, batch_samples: 512 });
  if (work.countHits(SAMPLE) !== sampled) {
    throw new Error('the same sections met others the second time');
  }
  return { nsPerOperation: min, hash: hits.toString(16), passes: ticks };
}

function section({ mm, sections }: Work): () => void {
  const { length } = sections;
  let k = 0;
  return () => {
    k = k + 1 === length ? 0 : k + 1;
    now(mm.invalidateRangeEnd(now(mm.invalidateRangeStart(sections[k]!))));
  };
}

function install(): void {}

function read({ subscriptions }: Work): () => void {
  const { length } = subscriptions;
  let k = 0;
  return () => {
    k = k + 1 === length ? 0 : k + 1;
    const subscription = subscriptions[k]!;
    if (now(subscription.publish(now(subscription.readBegin()), install)) !== true) {
      throw new Error('a publication was refused without a section');
    }
  };
}

function subscribe({ devices, sections }: Work): () => void {
  const { length } = sections;
  let k = 0;
  return () => {
    k = k + 1 === length ? 0 : k + 1;
    now(now(devices.subscribe(sections[k]!, opsId, { cookie: 0 })).close());
  };
}

/** Nobody else is at work, so nothing has to wait. */
function now<T>(value: T | Promise<T>): T {
  if (isPromise(value)) throw new Error('an operation waited, with nobody to wait for');
  return value;
}

function spansOf(
  { ints, doubles, firstWord, initial, count }: Operations,
  which: 'initial' | 'operations',
): { start: number; end: number }[] {
  const spans: { start: number; end: number }[] = [];
  const [from, rows] = which === 'initial' ? [0, initial] : [initial, count];
  for (let row = from; row < from + rows; row++) {
    const word = firstWord + row * ROW_WORDS;
    const at = which === 'initial' ? ints[2 * word + 1]! : row - from;
    spans[at] = { start: doubles[word + 1]!, end: doubles[word + 2]! + 1 };
  }
  return spans;
}
