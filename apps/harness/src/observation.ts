/**
 * One observation is one process: it replays the stream through one strategy, or weighs its subscriptions, and
 * sends what it saw to its parent. This file is the process; `observe` in compare.ts is the parent.
 */
import { addressMax, isPromise } from '@mmu-notifier/core';
import { replay, type ReplayResult } from './replay.ts';
import { openSource, type SourceSpec } from './source.ts';
import { contenderOf, type Contender } from './strategies.ts';

/** What a parent asks for. */
export type Order =
  | { readonly kind: 'replay'; readonly label: string; readonly source: SourceSpec }
  | { readonly kind: 'weigh'; readonly label: string };

/** What a child answers. */
export type Answer =
  | { readonly kind: 'progress'; readonly done: number; readonly of: number }
  | { readonly kind: 'replayed'; readonly result: ReplayResult }
  | { readonly kind: 'weighed'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly message: string };

const subscriptionsWeighed = 20_000;

async function obey(order: Order): Promise<Answer> {
  const contender = contenderOf(order.label);
  if (order.kind === 'weigh') return { kind: 'weighed', bytes: await weigh(contender) };
  const { events } = await openSource(order.source);
  const { seed, kind } = order.source;
  const options = { seed, passiveDevices: kind === 'recording' };
  const result = await replay(events, contender, options, (done) =>
    process.send!({ kind: 'progress', done, of: events.length } satisfies Answer),
  );
  return { kind: 'replayed', result };
}

/** Bytes of heap and array buffers that a subscription costs: many of them, after a garbage collection. */
async function weigh({ strategy, variant }: Contender): Promise<number> {
  const notifier = strategy.create({ variant, capacity: subscriptionsWeighed });
  const ops = { invalidate: (): void => {} };
  const stride = Math.floor(addressMax / subscriptionsWeighed);
  const kept: unknown[] = Array.from({ length: subscriptionsWeighed });
  // The notifier's own memory counts: it is laid out for as many subscriptions as come.
  const emptyBytes = usedBytes() - strategy.byteLength(subscriptionsWeighed);
  for (let at = 0; at < subscriptionsWeighed; at++) {
    const start = at * stride;
    const subscribed = notifier.subscribe({ start, end: start + 4096 }, ops);
    kept[at] = isPromise(subscribed) ? await subscribed : subscribed;
  }
  const bytes = (usedBytes() - emptyBytes) / kept.length;
  return Math.round(bytes);
}

function usedBytes(): number {
  for (let round = 0; round < 3; round++) globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

process.once('message', (order: Order) => {
  void obey(order)
    .catch((error: unknown): Answer => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { kind: 'failed', message };
    })
    .then((answer) => process.send!(answer, undefined, {}, () => process.disconnect()));
});
