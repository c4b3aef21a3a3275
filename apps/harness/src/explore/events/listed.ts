/**
 * Subscribers of the legacy list itself, and what is prepared before it is inserted: what only some notifiers have.
 *
 * A listed subscriber sees every end after its start, and nothing after unregister has returned.             [L4]
 */
import { NotifierError, type Notifier } from '@mmu-notifier/core';
import type { EventWorld } from '@mmu-notifier/explorer';
import type { HlistNotifier, LegacyOps, Registration } from '@mmu-notifier/hlist-srcu';
import { IntervalNotifier } from '@mmu-notifier/interval/variants';
import type { Part } from './actors.ts';
import { listOf } from './create.ts';
import { Finding, type Space } from './space.ts';

/** What a situation needs beside the contract. */
export type Need =
  | 'a legacy list'
  | 'insertion in two steps'
  | 'maps that are used'
  | 'pages that are used'
  | 'nodes that are freed'
  | 'ranges';

const hasIt: Readonly<Record<Need, (notifier: Notifier) => boolean>> = {
  'a legacy list': (notifier) => listOf(notifier) !== undefined,
  'insertion in two steps': (notifier) => notifier instanceof IntervalNotifier,
  'maps that are used': ({ traits }) => traits.name === 'vhost',
  'pages that are used': ({ traits }) => traits.name === 'gntdev',
  'nodes that are freed': ({ traits }) => traits.name === 'amdgpu-mn',
  ranges: ({ traits }) => traits.name === 'hmm',
};

/** Whether a notifier has it. */
export function has(notifier: Notifier, need: Need): boolean {
  return hasIt[need](notifier);
}

/** A subscriber of the list that counts: starts without an end, and releases that run at the same time. */
class Listed {
  readonly ops: LegacyOps;
  isGone = false;
  readonly #world: EventWorld;
  #open = 0;
  #releasing = 0;

  constructor({ world }: Space) {
    this.#world = world;
    this.ops = {
      invalidateRangeStart: () => {
        this.#check();
        this.#open++;
      },
      invalidateRangeEnd: () => {
        this.#check();
        this.#open--;
        world.note(`${this.#open} open`);
        if (this.#open < 0) this.#world.abort(new Finding('end without start'));
      },
      release: async () => {
        this.#check();
        this.#releasing++;
        if (this.#releasing > 1) world.abort(new Finding('release beside release'));
        await world.later('its release', undefined);
        this.#releasing--;
      },
    };
  }

  #check(): void {
    const words = 'called though unregister has returned';
    if (this.isGone) this.#world.abort(new Finding('called after close', words));
  }
}

const list = ({ notifier }: Space): HlistNotifier => listOf(notifier)!;

/** Comes while others are at work. */
export const lister: Part = {
  async run(space, actor) {
    const { ops } = new Listed(space);
    await actor.step('registers');
    await list(space).register(ops);
    actor.note('is registered');
  },
};

/** The same, with an impatient signal: tries again until it is registered. */
export const interrupted: Part = {
  async run(space, actor) {
    const { ops } = new Listed(space);
    const impatience = new AbortController();
    const interrupt = space.world
      .later('a signal', undefined)
      .then(() => impatience.abort(new Error('EINTR')));
    await actor.step('registers');
    try {
      await list(space).register(ops, { signal: impatience.signal });
    } catch (error) {
      if (!impatience.signal.aborted) throw error;
      actor.note('is interrupted');
      await actor.step('registers again');
      await list(space).register(ops);
    }
    await interrupt;
  },
};

const registered = new WeakMap<Space, readonly [Listed, Registration]>();

/** Goes while others are at work. */
export const leaver: Part = {
  async prepare(space) {
    const listed = new Listed(space);
    registered.set(space, [listed, await list(space).register(listed.ops)]);
  },
  async run(space, actor) {
    const [listed, registration] = registered.get(space)!;
    await actor.step('unregisters');
    await list(space).unregister(registration);
    listed.isGone = true;
    actor.note('is unregistered');
  },
};

/** Prepares a subscription, fails to insert it, and closes it. */
export const failed: Part = {
  async run({ notifier }, actor) {
    await actor.step('inserts an empty range');
    const subscription = (notifier as IntervalNotifier).prepare({ invalidate: () => {} });
    try {
      subscription.insert({ start: 1, end: 1 });
    } catch (error) {
      if (!(error instanceof NotifierError)) throw error;
      actor.note(error.code);
    }
    await actor.step('closes');
    await subscription.close();
  },
};
