/**
 * Small situations of asynchronous code: who is there. The explorer finds the order; nobody writes one down.
 */
import type { SectionExclusion } from '@mmu-notifier/core';
import type { EventScenario, EventWorld } from '@mmu-notifier/explorer';
import { useClock, type Clock } from '@mmu-notifier/sync';
import type { Contender } from '../../strategies.ts';
import {
  closing,
  closingThatOf,
  death,
  exit,
  faultingOn,
  holding,
  impatient,
  newcomer,
  reader,
  reaper,
  section,
  sections,
  type Part,
} from './actors.ts';
import { addPartner, create, createIn } from './create.ts';
import { addSleeper, grant, graphics, leavesNothing, noFreedNode, user } from './uses.ts';
import { failed, has, interrupted, leaver, lister, type Need } from './listed.ts';
import { pageSpan, Space } from './space.ts';

/** A situation by its name, for `--scenario`. */
export interface EventSituation {
  readonly name: string;
  readonly description: string;
  readonly mode: 'event-loop';
  /** Explored when nobody says which. */
  readonly isDefault: boolean;
  /** What a notifier must have beside the contract. */
  readonly needs: Need | undefined;
  build(contender: Contender): EventScenario;
}

interface Cast {
  readonly description: string;
  readonly parts: Readonly<Record<string, Part>>;
  /** Another subscriber of the address space, who refuses every start that may not wait. */
  readonly hasPartner?: boolean;
  /** Not everybody promises it, or somebody is there who is careless: explored when it is named. */
  readonly isExtra?: boolean;
  readonly needs?: Need;
  /** Another driver of the address space, which comes first. */
  readonly hasGraphics?: boolean;
  /** Another subscriber of the list, whose callbacks sleep. */
  readonly hasSleeper?: boolean;
  /** Sections are not counted by the list: who registers does not wait for them. */
  readonly isUncounted?: boolean;
}

/** Resolves when the parts of that name are done. */
const untilDone =
  (name: string) =>
  ({ world }: Space): Promise<unknown> =>
    doneIn.get(world)!.get(name)!.promise;

/** Resolves when a fault of the device of that name has begun. */
const untilBegun =
  (name: string) =>
  ({ devices }: Space): Promise<unknown> =>
    devices.find((device) => device.name === name)!.begun.promise;

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
    parts: { invalidator: section(), closer: closing() },
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
    parts: { invalidator: section({ at: 'elsewhere', changes: false }), exit, closer: closing() },
  },
  nested: {
    description: 'a device faults while a section opens another one within',
    parts: { invalidator: section({ splits: true }), reader: reader() },
  },
  'nested-close': {
    description: 'a device goes while a section opens another one within',
    parts: { invalidator: section({ splits: true }), holder: holding(), closer: closing() },
  },
  'nested-subscribe': {
    description: 'a device comes while a section opens another one within',
    parts: { invalidator: section({ splits: true }), holder: holding(), newcomer },
  },
  sleep: {
    description: 'a device whose callback sleeps faults while the page changes',
    parts: { invalidator: section(), reader: reader({ holds: true, sleeps: true }) },
  },
  'sleep-beside': {
    description: 'a device faults while the page changes under another one whose callback sleeps',
    parts: {
      invalidator: section(),
      sleeper: holding({ sleeps: true }),
      reader: reader({ holds: true, attempts: 1 }),
    },
  },
  'sleep-close': {
    description: 'a device whose callback sleeps goes while the page changes',
    parts: { invalidator: section(), closer: closing({ sleeps: true }) },
  },
  neighbour: {
    description: 'a device faults while the page below its own changes',
    parts: { invalidator: section({ at: 'below' }), reader: reader({ holds: true }) },
  },
  neighbours: {
    description: 'the page below that of one device changes, which another one holds',
    parts: {
      invalidator: section({ at: 'below' }),
      right: holding(),
      left: holding({ at: 'below' }),
    },
  },
  partial: {
    description: 'a part of what a device spans is unmapped, then the other part is cleared',
    parts: {
      invalidator: sections({ at: 'below', event: 'UNMAP' }, { event: 'CLEAR' }),
      holder: holding({ isWide: true }),
    },
  },
  'reap-elsewhere': {
    description: 'a page that nobody shadows is reaped without waiting',
    parts: { reaper: reaper('elsewhere'), holder: holding() },
    isExtra: true,
  },
  killed: {
    description: 'the page changes by a task that is being killed, beside a callback that sleeps',
    parts: {
      other: section({ at: 'elsewhere' }),
      sleeper: holding({ at: 'elsewhere', sleeps: true }),
      killed: section({ isKilled: true }),
      holder: holding(),
    },
  },
  'two-sections': {
    description: 'two sections overlap a fault',
    parts: { first: section(), second: section(), reader: reader({ attempts: 1 }) },
  },
  'two-waits': {
    description: 'the same, and the device reads when both are over that it met',
    parts: { first: section(), second: section(), reader: reader({ waitsForAll: true }) },
    isExtra: true,
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
    parts: { invalidator: section(), reader: reader(), closer: closing() },
  },
  elsewhere: {
    description: 'a section elsewhere stays open until a fault is done',
    parts: {
      invalidator: section({ at: 'elsewhere', changes: false, until: untilDone('reader') }),
      reader: reader(),
    },
    isExtra: true,
  },
  chain: {
    description: 'a section over the page, and one elsewhere that stays open until a fault is done',
    parts: {
      invalidator: section(),
      other: section({ at: 'elsewhere', changes: false, until: untilDone('reader') }),
      reader: reader(),
    },
    isExtra: true,
  },
  later: {
    description: 'a section begins after a fault, and stays open until that is done',
    parts: {
      invalidator: section(),
      later: section({ after: untilBegun('reader'), until: untilDone('reader') }),
      reader: reader({ attempts: 1 }),
    },
    isExtra: true,
  },
  abandoned: {
    description: 'a start is interrupted while a callback sleeps, and its device goes',
    parts: { impatient, closer: closing({ sleeps: true }) },
    isExtra: true,
  },
  'abandoned-fault': {
    description: 'a start is interrupted while a callback sleeps, and its device faults',
    parts: { impatient, reader: reader({ holds: true, sleeps: true }) },
    isExtra: true,
  },
  install: {
    description: 'a device whose install sleeps faults while the page changes',
    parts: { invalidator: section(), reader: reader({ installSleeps: true }) },
    isExtra: true,
  },
  'install-close': {
    description: 'a device whose install sleeps faults and goes at the same time',
    parts: { reader: reader({ installSleeps: true }), closer: closingThatOf('reader') },
    isExtra: true,
  },
  'install-queue': {
    description: 'two faults of a device whose install sleeps, while the page changes',
    parts: {
      invalidator: section(),
      reader: reader({ installSleeps: true, attempts: 1 }),
      second: faultingOn('reader'),
    },
    isExtra: true,
  },
  'install-queue-close': {
    description: 'a device whose install sleeps goes during two faults',
    parts: {
      reader: reader({ installSleeps: true, attempts: 1 }),
      second: faultingOn('reader'),
      closer: closingThatOf('reader'),
    },
    isExtra: true,
  },
  'reap-sleep': {
    description:
      'a device whose callback would sleep faults while the page is reaped without waiting',
    parts: { reaper: reaper(), reader: reader({ holds: true, sleeps: true }) },
    isExtra: true,
  },
  beside: {
    description: 'a device faults while its page changes, and one elsewhere',
    parts: {
      invalidator: section(),
      other: section({ at: 'elsewhere', changes: false }),
      reader: reader(),
    },
    isExtra: true,
  },
  'sleep-fault-close': {
    description: 'a device whose callback sleeps faults and goes while the page changes',
    parts: {
      invalidator: section(),
      reader: reader({ holds: true, sleeps: true, attempts: 1 }),
      closer: closingThatOf('reader'),
    },
    isExtra: true,
  },
  'exit-partner': {
    description: 'the address space dies under a device that shares it with another subscriber',
    parts: { exit, holder: holding() },
    hasPartner: true,
  },
  'refused-fault': {
    description: 'somebody else refuses that the page is reaped, while a device faults',
    parts: { reaper: reaper(), reader: reader() },
    hasPartner: true,
  },
  'refused-close': {
    description: 'somebody else refuses that the page is reaped, while a device goes',
    parts: { reaper: reaper(), invalidator: section(), closer: closing() },
    hasPartner: true,
  },
  'refused-elsewhere': {
    description: 'somebody else refuses that a page elsewhere is reaped, while a device goes',
    parts: { reaper: reaper('elsewhere'), closer: closing() },
    hasPartner: true,
  },
  'list-exit': {
    description: 'a subscriber of the list goes while the address space dies',
    parts: { exit, leaver },
    needs: 'a legacy list',
  },
  'list-leave': {
    description: 'a subscriber of the list goes while the page changes',
    parts: { invalidator: section(), leaver },
    needs: 'a legacy list',
  },
  'list-come': {
    description: 'a subscriber of the list comes while the page changes',
    parts: { invalidator: section(), lister },
    needs: 'a legacy list',
  },
  'list-come-uncounted': {
    description: 'the same, and the section is raised without what keeps registrations out',
    parts: { invalidator: section(), lister },
    needs: 'a legacy list',
    isUncounted: true,
  },
  'list-interrupted': {
    description: 'a registration on the list is interrupted and tried again while the page changes',
    parts: { invalidator: section(), interrupted },
    needs: 'a legacy list',
  },
  'insert-failed': {
    description: 'a subscription that could not be inserted is closed',
    parts: { failed },
    needs: 'insertion in two steps',
  },
  use: {
    description: 'a device uses its map while the page changes twice',
    parts: { first: section(), second: section(), user: user() },
    needs: 'maps that are used',
  },
  'use-elsewhere': {
    description: 'a device uses a map elsewhere for as long as the page changes',
    parts: {
      holder: holding(),
      another: holding(),
      third: holding(),
      user: user({ at: 'elsewhere' }, untilDone('invalidator')),
      invalidator: section(),
    },
    needs: 'maps that are used',
  },
  'use-beside': {
    description: 'the page changes under a map whose pages another driver uses',
    parts: { invalidator: section(), grant },
    needs: 'pages that are used',
    hasGraphics: true,
  },
  'exit-nodes': {
    description: 'the address space dies while two sections are starting',
    parts: {
      first: section({ changes: false }),
      second: section({ changes: false }),
      death,
      holder: holding({ sleeps: true }),
      nodes: noFreedNode,
    },
    needs: 'nodes that are freed',
    hasSleeper: true,
  },
  'fault-leave': {
    description: 'a device faults once and goes while the page changes',
    parts: { invalidator: section(), reader: leavesNothing },
    needs: 'ranges',
  },
  'raise-within': {
    description: 'a device changes memory elsewhere while it installs, and the page changes',
    parts: { invalidator: section(), reader: reader({ habit: 'raises within', holds: true }) },
    isExtra: true,
  },
  'late-seq': {
    description: 'a device takes the sequence number after it read the page',
    parts: { invalidator: section(), reader: reader({ habit: 'late seq' }) },
    isExtra: true,
  },
  'no-lock': {
    description: 'a device asks checkRetry, and installs without the lock',
    parts: { invalidator: section(), reader: reader({ habit: 'no lock' }) },
    isExtra: true,
  },
  'one-event': {
    description: 'a device tears down for UNMAP only, and the page is cleared',
    parts: {
      invalidator: section({ event: 'CLEAR' }),
      reader: reader({ habit: 'one event', holds: true }),
    },
    isExtra: true,
  },
  'one-flush': {
    description: 'a device keeps one flush for its second pass, and two sections hit it',
    parts: { first: section(), second: section(), holder: holding({ habit: 'one flush' }) },
    isExtra: true,
  },
};

/** Whether a strategy has what a situation needs. */
export function fits(contender: Contender, { needs }: EventSituation): boolean {
  return needs === undefined || has(create(contender), needs);
}

/** Every situation. */
export const eventSituations: readonly EventSituation[] = Object.entries(casts).map(
  ([name, cast]) => ({
    name,
    description: cast.description,
    mode: 'event-loop',
    isDefault: cast.isExtra !== true && cast.needs === undefined,
    needs: cast.needs,
    build: (contender) => ({
      strategy: 'preemptions',
      run: (world) => run(contender, cast, world),
    }),
  }),
);

async function run(contender: Contender, cast: Cast, world: EventWorld): Promise<void> {
  const { parts, hasPartner, isUncounted, hasGraphics, hasSleeper } = cast;
  const undoClock = useClock(clockOf(world));
  try {
    const beside = hasGraphics === true ? await graphics(world, pageSpan) : undefined;
    const space: Space = new Space(
      createIn(contender, world, {
        isBeingKilled: () => space.isKilled,
        ...(beside === undefined ? {} : { beside }),
        ...(isUncounted === true ? { exclusion: excludesNothing } : {}),
      }),
      world,
    );
    if (hasPartner === true) {
      await addPartner(space.notifier);
      space.isRefusedByOthers = true;
    }
    for (const [name, part] of Object.entries(parts)) await part.prepare?.(space, name);
    if (hasSleeper === true) await addSleeper(space);
    const done = new Map(Object.keys(parts).map((name) => [name, Promise.withResolvers<void>()]));
    doneIn.set(world, done);
    const runs = Object.entries(parts).map(async ([name, part]) => {
      await world.spawn(name, (actor) => part.run(space, actor));
      done.get(name)!.resolve();
    });
    await Promise.all(runs);
    space.judge();
    for (const part of Object.values(parts)) part.judge?.(space);
  } finally {
    undoClock();
  }
}

/** What a raiser amounts to that holds none of the locks that a registration takes. */
const excludesNothing: SectionExclusion = {
  whenIdle: (act) => act(),
  whenIdleSync: (act) => act(),
};

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
