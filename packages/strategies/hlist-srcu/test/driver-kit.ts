/**
 * The conformance kit for drivers' schemes: one call for each variant, with what it is known to break, race by race.
 *
 * 1. A key stands with a race if the race is enough to break it. Where two are, it stands with both: mending one of them
 *    alone would leave it broken.
 * 2. A race that no key shows says where it is shown, or why it cannot be.
 */
import { conformance } from '@mmu-notifier/conformance';
import type { Strategy } from '@mmu-notifier/core';
import { describe, it } from 'vitest';
import type { DriverCreateOptions, DriverNotifier, DriverSubscription } from '../src/driver.ts';

/** What a variant does not keep: keys, with spaces between them, by what breaks them. */
export interface KnownToBreak {
  /** By the race's id. */
  readonly races?: Readonly<Record<string, string>>;
  /** By the reason, where it is none. */
  readonly missing?: Readonly<Record<string, string>>;
  /** Races that no key shows, and why. */
  readonly unseen?: Readonly<Record<string, string>>;
}

/** Defines the kit's tests of a variant. */
export function conformDriver<S extends DriverSubscription>(
  strategy: Strategy<DriverNotifier<S>, DriverCreateOptions>,
  variant: string,
  { races = {}, missing = {}, unseen = {} }: KnownToBreak = {},
): void {
  const racesOf = new Map<string, string[]>();
  for (const [race, keys] of Object.entries(races)) {
    for (const key of keys.split(' ')) racesOf.set(key, [...(racesOf.get(key) ?? []), race]);
  }
  const { correct } = strategy.traits(variant);
  conformance({
    describe,
    it,
    strategy,
    variant,
    composed: () => besideOneWhoRefuses(strategy, variant),
    ...(correct ? {} : { seed: 1 }), // of what is random, so that the gaps are always the same
    knownGaps: [
      ...[...racesOf].map(([key, race]) => ({ key, race })),
      ...Object.entries(missing).flatMap(([because, keys]) =>
        keys.split(' ').map((key) => ({ key, because })),
      ),
    ],
    unseenRaces: unseen,
  });
}

/** A notifier whose list has somebody else on it who refuses. */
async function besideOneWhoRefuses<S extends DriverSubscription>(
  strategy: Strategy<DriverNotifier<S>, DriverCreateOptions>,
  variant: string,
) {
  const notifier = strategy.create({ variant });
  let refuses = false;
  await notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable || !refuses });
  return { notifier, refuse: (isOn: boolean) => void (refuses = isOn) };
}
