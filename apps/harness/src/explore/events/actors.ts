/** Who may be in a situation, written against the contract alone. Between any two steps others may come. */
import {
  addressMax,
  type Invalidation,
  type InvalidationEvent,
  type Span,
} from '@mmu-notifier/core';
import type { EventActor } from '@mmu-notifier/explorer';
import { Device, type DeviceOptions } from './device.ts';
import { Finding, unlessGone, type Page, type PageName, type Space } from './space.ts';

/** What somebody does before the exploration begins, and then. */
export interface Part {
  prepare?(space: Space, name: string): Promise<void>;
  run(space: Space, actor: EventActor): Promise<void>;
  /** When everybody is done. @throws Finding */
  judge?(space: Space): void;
}

interface SectionOptions {
  /** Which page. */
  readonly at?: PageName;
  /** Whether it changes the page. Default true. */
  readonly changes?: boolean;
  /** Raises another one over the page before it ends: a huge page is split. */
  readonly splits?: boolean;
  readonly event?: InvalidationEvent;
  /** By a task that is being killed. */
  readonly isKilled?: boolean;
  /** Starts only after that. */
  readonly after?: (space: Space) => Promise<unknown>;
  /** Ends only after that. */
  readonly until?: (space: Space) => Promise<unknown>;
}

/** Opens a section, changes the page, ends it. */
export function section(options: SectionOptions = {}): Part {
  const { at = 'page', changes = true, splits = false, event, isKilled = false } = options;
  const { after, until } = options;
  return {
    async run(space, actor) {
      await after?.(space);
      const page = space[at];
      const end = await start(space, actor, splits ? wider(page) : page, { event, isKilled });
      if (splits) await (await start(space, actor, page))();
      if (changes) {
        await actor.step('changes the page');
        space.change(page);
      }
      await until?.(space);
      await end();
    },
  };
}

/** Opens a section, unless a signal interrupts the start; then changes the page and ends it. */
export const impatient: Part = {
  async run(space, actor) {
    const impatience = new AbortController();
    const interrupt = space.world
      .later('a signal', undefined)
      .then(() => impatience.abort(new Error('EINTR')));
    await actor.step('start');
    const { start: from, end } = space.page;
    const record = space.open(actor.name, space.page);
    try {
      const range = { start: from, end };
      const opened = await space.notifier.invalidateRangeStart(range, impatience.signal);
      record.openedAt = space.tick();
      await actor.step('changes the page');
      space.change(space.page);
      await actor.step('end');
      await space.notifier.invalidateRangeEnd(opened);
    } catch (error) {
      if (error !== impatience.signal.reason) throw error;
      actor.note('is interrupted');
    }
    record.endedAt = space.tick();
    await interrupt;
    await actor.step('goes home'); // what it left behind may run before that
  },
};

/** One section after the other. */
export function sections(...each: readonly SectionOptions[]): Part {
  return {
    async run(space, actor) {
      for (const options of each) await section(options).run(space, actor);
    },
  };
}

/** Two pages, the first of which is the page. */
const wider = ({ start, end }: Page): Span => ({ start, end: end + (end - start) });

async function start(
  space: Space,
  actor: EventActor,
  { start: from, end }: Span,
  options: { readonly event?: InvalidationEvent | undefined; readonly isKilled?: boolean } = {},
): Promise<() => Promise<void>> {
  await actor.step('start');
  const span = { start: from, end };
  const record = space.open(actor.name, span);
  const { event, isKilled = false } = options;
  space.isKilled = isKilled; // asked at the first lock, which is before anything waits
  const starting = space.notifier.invalidateRangeStart(
    event === undefined ? span : { ...span, event },
  );
  space.isKilled = false;
  const opened = await starting;
  record.openedAt = space.tick();
  return async () => {
    await actor.step('end');
    record.endingAt = space.tick();
    await space.notifier.invalidateRangeEnd(opened);
    record.endedAt = space.tick();
  };
}

/** Takes a page without waiting, if it may. */
export function reaper(at: PageName = 'page'): Part {
  return {
    async run(space, actor) {
      const { notifier, [at]: page } = space;
      await actor.step('start, without waiting');
      const record = space.open(actor.name, page);
      const opened: Invalidation | undefined = notifier.tryInvalidateRangeStart({
        start: page.start,
        end: page.end,
      });
      record.openedAt = space.tick();
      if (opened === undefined) {
        actor.note('is refused');
        record.endedAt = record.openedAt;
        if (!space.isRefusedByOthers && at !== 'page') throw new Finding('refused for nothing');
        return;
      }
      await actor.step('changes the page');
      space.change(page);
      await actor.step('end');
      await notifier.invalidateRangeEnd(opened);
      record.endedAt = space.tick();
    },
  };
}

interface ReaderOptions extends DeviceOptions {
  /** It has faulted before, and so has an entry. */
  readonly holds?: boolean;
  /** How often it tries. Default 2. */
  readonly attempts?: number;
}

/** A device's fault. */
export function reader({ holds = false, attempts = 2, ...options }: ReaderOptions = {}): Part {
  return {
    async prepare(space, name) {
      const device = new Device(name, space, options);
      await device.subscribe();
      if (holds) await device.hold();
    },
    async run(space, actor) {
      await unlessGone(() => deviceOf(space, actor).fault(actor, attempts));
    },
  };
}

/** Another fault of a device that belongs to another one. */
export const faultingOn = (name: string): Part => ({
  async run(space, actor) {
    const device = space.devices.find((each) => each.name === name)!;
    await unlessGone(() => device.fault(actor, 1));
  },
});

/** A device that has an entry and does nothing: the page must be torn down under it. */
export function holding(options: DeviceOptions = {}): Part {
  const { prepare } = reader({ ...options, holds: true });
  return { prepare: prepare!, async run() {} };
}

/** A device that comes while others are at work. */
export const newcomer: Part = {
  async run(space, actor) {
    const device = new Device(actor.name, space);
    await actor.step('subscribes');
    await unlessGone(async () => {
      await device.subscribe();
      actor.note('is subscribed');
      await device.fault(actor);
    });
  },
};

/** A device that goes. */
export function closing(options: DeviceOptions = {}): Part {
  return {
    prepare: reader(options).prepare!,
    run: (space, actor) => deviceOf(space, actor).close(actor),
  };
}

/** Closes the device of another one, who may be using it. */
export const closingThatOf = (name: string): Part => ({
  run: (space, actor) => space.devices.find((device) => device.name === name)!.close(actor),
});

/** The end of the address space, and nothing after it. */
export const death: Part = {
  async run(space, actor) {
    await actor.step('the address space dies');
    await space.notifier.release();
    space.releaseOver();
  },
};

/** The end of the address space. As in Linux a section over everything comes after it, in which the pages go. */
export const exit: Part = {
  async run(space, actor) {
    await actor.step('the address space dies');
    await space.notifier.release();
    space.releaseOver();
    const end = await start(space, actor, { start: 0, end: addressMax });
    await actor.step('the page goes');
    space.change(space.page);
    await end();
  },
};

function deviceOf(space: Space, { name }: EventActor): Device {
  return space.devices.find((device) => device.name === name)!;
}
