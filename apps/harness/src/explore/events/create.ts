/** A strategy's notifier in an explored world, and who else stands on its list. */
import type { Notifier } from '@mmu-notifier/core';
import type { EventWorld } from '@mmu-notifier/explorer';
import {
  HlistNotifier,
  hlistSrcu,
  type HlistCreateOptions,
  type LegacyOps,
} from '@mmu-notifier/hlist-srcu';
import { DriverNotifier, type DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { IntervalNotifier, type IntervalCreateOptions } from '@mmu-notifier/interval/variants';
import type { Contender } from '../../strategies.ts';

type AnyOptions = DriverCreateOptions & IntervalCreateOptions & HlistCreateOptions;

/**
 * Makes it. Work that a driver defers arrives when the explorer lets it; the unified notifier carries a legacy list,
 * which costs nothing while nobody is on it.
 */
export function createIn(
  contender: Contender,
  world: EventWorld,
  options: AnyOptions = {},
): Notifier {
  return create(contender, {
    defer: (run) => void world.later('deferred work', undefined).then(run),
    ...options,
  });
}

/** The same outside of an exploration. */
export function create({ strategy, variant }: Contender, options: AnyOptions = {}): Notifier {
  const all: AnyOptions = { variant, capacity: 8, legacy: hlistSrcu, ...options };
  return strategy.create(all);
}

/** The legacy list of the address space, if it has one. */
export function listOf(notifier: Notifier): HlistNotifier | undefined {
  if (notifier instanceof HlistNotifier) return notifier;
  if (notifier instanceof DriverNotifier) return notifier.list;
  if (notifier instanceof IntervalNotifier && notifier.legacy instanceof HlistNotifier) {
    return notifier.legacy;
  }
  return undefined;
}

/** Somebody who refuses every start that may not wait, and accepts every other: on the list, or as a subscriber. */
export async function addPartner(notifier: Notifier): Promise<void> {
  const list = listOf(notifier);
  const refusing: LegacyOps = { invalidateRangeStart: ({ blockable }) => blockable };
  if (list !== undefined) await list.register(refusing);
  else
    await notifier.subscribe(
      { start: 0, end: 2 ** 32 },
      { invalidate: ({ blockable }) => blockable },
    );
}
