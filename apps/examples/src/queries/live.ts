/** A query, and two ways to keep its result on a page. */
import { derive, type Derivation, type Span } from '@mmu-notifier/core';
import { spanOf, type Table } from './table.ts';

/** Says what is about to be read. */
export type Add = (span: Span) => unknown;

/** Ada's orders with the prices of their products. Which products, it finds out on the way. */
export async function pricesOf(table: Table, customer: string, add: Add): Promise<string> {
  await add(spanOf(`o:${customer}:`));
  const orders = await table.read(`o:${customer}:`);
  const prices: string[] = [];
  for (const [, product] of orders) {
    await add(spanOf(product));
    const [row] = await table.read(product);
    prices.push(`${product} ${row?.[1] ?? '?'}`);
  }
  return prices.join(', ');
}

/** The naive way. An answer that was on its way when something changed may come last, and stays. */
export function showNaively(table: Table, customer: string, show: (text: string) => void): void {
  const run = async (): Promise<void> => show(await pricesOf(table, customer, () => {}));
  table.onChange.add(() => void run());
  void run();
}

/** Shows only what is so, until the signal aborts: then it lets go of its ranges. */
export async function showLive(
  table: Table,
  customer: string,
  show: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let changed = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => changed.resolve());
  while (!signal.aborted) {
    changed = Promise.withResolvers();
    const { resolve } = changed;
    const derivation: Derivation<string> = await derive(table.notifier, {
      read: (reading) => pricesOf(table, customer, (span) => reading.add(span)),
      install: show,
      invalidate: () => resolve(),
      signal,
    });
    await changed.promise;
    await derivation.close();
  }
}
