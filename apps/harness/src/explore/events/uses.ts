/** What only some schemes have: maps that are used for a while, and ranges that a fault registers. */
import type { MaybePromise } from '@mmu-notifier/core';
import type { EventActor } from '@mmu-notifier/explorer';
import type { DriverNotifier } from '@mmu-notifier/hlist-srcu/driver';
import { reader, type Part } from './actors.ts';
import type { DeviceOptions } from './device.ts';
import { Finding, type Space } from './space.ts';

/** A subscription whose map is used as vhost's worker does. */
interface Usable {
  access(use: () => MaybePromise<void>): MaybePromise<void>;
}

/** Uses its map, until somebody else is done or for a step. No section may change the page meanwhile. */
export function user(
  options: DeviceOptions = {},
  until: (space: Space) => Promise<unknown> = async () => {},
): Part {
  const { prepare } = reader({ ...options, holds: true });
  return {
    prepare: prepare!,
    async run(space, actor) {
      const page = space[options.at ?? 'page'];
      const { subscription } = space.devices.find(({ name }) => name === actor.name)!;
      await actor.step('uses its map');
      await (subscription as unknown as Usable).access(async () => {
        const { pte } = page;
        await until(space);
        await actor.step('writes');
        if (page.pte !== pte) throw new Finding('used when it had changed');
      });
    },
  };
}

/** A driver with ranges, while it has a device. The repaired variant has none, and so no size. */
interface WithRanges {
  readonly hmm: { readonly collisions: { readonly size?: number } };
}

/** A fault, and then the device goes: nothing of the fault may be left. */
export const leavesNothing: Part = {
  prepare: reader().prepare!,
  async run(space: Space, actor: EventActor) {
    const device = space.devices.find(({ name }) => name === actor.name)!;
    const { driver } = space.notifier as DriverNotifier;
    const { collisions: ranges } = (driver as unknown as WithRanges).hmm;
    await device.fault(actor, 1);
    await device.close(actor);
    if (ranges.size !== undefined && ranges.size > 0)
      throw new Finding('left behind', `${ranges.size} ranges of faults are left`);
  },
};
