/** What only some schemes have: maps that are used for a while, and ranges that a fault registers. */
import type { MaybePromise, Span } from '@mmu-notifier/core';
import type { EventActor, EventWorld } from '@mmu-notifier/explorer';
import type { DriverNotifier } from '@mmu-notifier/hlist-srcu/driver';
import { i915Userptr } from '@mmu-notifier/i915-userptr';
import { reader, type Part } from './actors.ts';
import { listOf } from './create.ts';
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

const leaveIn = new WeakMap<EventWorld, () => void>();

/** The other driver of the address space: a graphics card, which leaves the pages that it uses when it is called. */
export async function graphics(world: EventWorld, span: Span): Promise<DriverNotifier> {
  const notifier = i915Userptr.create({ variant: 'fixed' });
  const object = await notifier.subscribe(span, { invalidate: () => leaveIn.get(world)?.() });
  await object.publish(await object.readBegin(), () => {});
  return notifier;
}

/** A map whose pages the graphics card uses. */
export const grant: Part = {
  async prepare(space, name) {
    await reader({ holds: true }).prepare!(space, name);
    const { subscription } = space.devices.find((device) => device.name === name)!;
    const { usePages } = subscription as unknown as { usePages(): () => void };
    leaveIn.set(space.world, usePages.call(subscription));
  },
  async run() {},
};

/** After everybody is done: no section came by a node that was freed. */
export const noFreedNode: Part = {
  async run() {},
  judge({ notifier }) {
    const { driver } = notifier as DriverNotifier;
    const { mn } = driver as unknown as { readonly mn?: { readonly freedVisits: number } };
    if ((mn?.freedVisits ?? 0) > 0) throw new Finding('a freed node is found');
  },
};

/** Somebody on the list whose callbacks sleep. */
export async function addSleeper({ notifier, world }: Space): Promise<void> {
  const sleep = async (): Promise<boolean> => {
    await world.later('callback of another subscriber goes on', undefined);
    return true;
  };
  await listOf(notifier)!.register({
    invalidateRangeStart: ({ blockable }) => blockable && sleep(),
  });
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
