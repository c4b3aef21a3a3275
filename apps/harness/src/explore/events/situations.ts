/**
 * Small situations of asynchronous code: who is there. The explorer finds the order; nobody writes one down.
 */
import type { EventScenario, EventWorld } from '@mmu-notifier/explorer';
import { useClock, type Clock } from '@mmu-notifier/sync';
import type { Contender } from '../../strategies.ts';
import { closer, exit, holder, newcomer, reader, reaper, section, type Part } from './actors.ts';
import { addPartner, createIn } from './create.ts';
import { Space } from './space.ts';

/** A situation by its name, for `--scenario`. */
export interface EventSituation {
  readonly name: string;
  readonly description: string;
  readonly mode: 'event-loop';
  /** Explored when nobody says which. */
  readonly isDefault: boolean;
  build(contender: Contender): EventScenario;
}

interface Cast {
  readonly description: string;
  readonly parts: Readonly<Record<string, Part>>;
  /** Another subscriber of the address space, who refuses every start that may not wait. */
  readonly hasPartner?: boolean;
  /** Asks that somebody gets on while a section stays open: not everybody promises that. */
  readonly asksForProgress?: boolean;
}

/** Resolves when the parts of that name are done. */
const untilDone =
  (name: string) =>
  ({ world }: Space): Promise<unknown> =>
    doneIn.get(world)!.get(name)!.promise;

const doneIn = new WeakMap<EventWorld, Map<string, PromiseWithResolvers<void>>>();

const casts: Readonly<Record<string, Cast>> = {
  fault: {
    description: 'a device faults while the page changes',
    parts: { invalidator: section(), reader: reader() },
  },
  held: {
    description: 'a device that holds the page faults again while the page changes',
    parts: { invalidator: section(), reader: reader({ holds: true }) },
  },
  close: {
    description: 'a device goes while the page changes',
    parts: { invalidator: section(), closer },
  },
  subscribe: {
    description: 'a device comes while the page changes',
    parts: { invalidator: section(), newcomer },
  },
  reap: {
    description: 'a device faults while the page is reaped without waiting',
    parts: { reaper: reaper(), reader: reader({ holds: true }) },
  },
  exit: {
    description: 'a device faults while the address space dies',
    parts: { exit, reader: reader() },
  },
  'exit-subscribe': {
    description: 'a device comes while the address space dies',
    parts: { exit, newcomer },
  },
  'exit-close': {
    description: 'a device goes and the address space dies while a section is open elsewhere',
    parts: { invalidator: section({ at: 'elsewhere', changes: false }), exit, closer },
  },
  nested: {
    description: 'a device faults while a section opens another one within',
    parts: { invalidator: section({ splits: true }), reader: reader() },
  },
  'nested-close': {
    description: 'a device goes while a section opens another one within',
    parts: { invalidator: section({ splits: true }), holder, closer },
  },
  'nested-subscribe': {
    description: 'a device comes while a section opens another one within',
    parts: { invalidator: section({ splits: true }), holder, newcomer },
  },
  'two-sections': {
    description: 'two sections overlap a fault',
    parts: { first: section(), second: section(), reader: reader({ attempts: 1 }) },
  },
  'two-faults': {
    description: 'two devices fault while the page changes',
    parts: {
      invalidator: section(),
      first: reader({ attempts: 1 }),
      second: reader({ attempts: 1 }),
    },
  },
  'fault-close': {
    description: 'one device faults, another goes, the page changes',
    parts: { invalidator: section(), reader: reader(), closer },
  },
  elsewhere: {
    description: 'a section elsewhere stays open until a fault is done',
    parts: {
      invalidator: section({ at: 'elsewhere', changes: false, until: untilDone('reader') }),
      reader: reader(),
    },
    asksForProgress: true,
  },
  chain: {
    description: 'a section over the page, and one elsewhere that stays open until a fault is done',
    parts: {
      invalidator: section(),
      other: section({ at: 'elsewhere', changes: false, until: untilDone('reader') }),
      reader: reader(),
    },
    asksForProgress: true,
  },
  'exit-partner': {
    description: 'the address space dies under a device that shares it with another subscriber',
    parts: { exit, holder },
    hasPartner: true,
  },
  'refused-fault': {
    description: 'somebody else refuses that the page is reaped, while a device faults',
    parts: { reaper: reaper(), reader: reader() },
    hasPartner: true,
  },
  'refused-close': {
    description: 'somebody else refuses that the page is reaped, while a device goes',
    parts: { reaper: reaper(), invalidator: section(), closer },
    hasPartner: true,
  },
  'refused-elsewhere': {
    description: 'somebody else refuses that a page elsewhere is reaped, while a device goes',
    parts: { reaper: reaper('elsewhere'), closer },
    hasPartner: true,
  },
};

/** Every situation. */
export const eventSituations: readonly EventSituation[] = Object.entries(casts).map(
  ([name, cast]) => ({
    name,
    description: cast.description,
    mode: 'event-loop',
    isDefault: cast.asksForProgress !== true,
    build: (contender) => ({
      strategy: 'preemptions',
      run: (world) => run(contender, cast, world),
    }),
  }),
);

async function run(
  contender: Contender,
  { parts, hasPartner }: Cast,
  world: EventWorld,
): Promise<void> {
  const undoClock = useClock(clockOf(world));
  try {
    const space = new Space(createIn(contender, world), world);
    if (hasPartner === true) await addPartner(space.notifier);
    for (const [name, part] of Object.entries(parts)) await part.prepare?.(space, name);
    const done = new Map(Object.keys(parts).map((name) => [name, Promise.withResolvers<void>()]));
    doneIn.set(world, done);
    const runs = Object.entries(parts).map(async ([name, part]) => {
      await world.spawn(name, (actor) => part.run(space, actor));
      done.get(name)!.resolve();
    });
    await Promise.all(runs);
    space.judge();
  } finally {
    undoClock();
  }
}

/** The explorer's time. */
function clockOf(world: EventWorld): Clock {
  return {
    nowMs: () => world.nowMs,
    startTimer(delayMs, fire) {
      const timer = setTimeout(fire, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
