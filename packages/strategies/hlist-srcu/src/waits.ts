/**
 * What waits, beside the walk: a registration and a reader that collided. Generators; `run` and `runSync` of sync
 * are the two forms of each.
 */
import { NotifierError, type MaybePromise, type SectionExclusion } from '@mmu-notifier/core';
import { run, runSync, type Waiting } from '@mmu-notifier/sync';
import { Node, nodeAt } from './layout.ts';
import type { Transitions } from './transitions.ts';

/** The exclusion of a notifier that counts its sections itself. */
export class OwnExclusion implements SectionExclusion {
  readonly #state: Transitions;

  constructor(state: Transitions) {
    this.#state = state;
  }

  whenIdle(act: () => void, signal?: AbortSignal): MaybePromise<void> {
    return this.#state.runIfIdle(act) ? undefined : run(waitForIdle(this.#state, act), signal);
  }

  whenIdleSync(act: () => void): void {
    if (this.#state.runIfIdle(act)) return;
    if (this.#state.openHere === 0) return runSync(waitForIdle(this.#state, act));
    throw new NotifierError(
      'MMN_WOULD_BLOCK',
      'expected no open section of this agent, which would wait for itself, got one',
    );
  }
}

/** A registration waits for a moment without an open section, and acts in it. */
function* waitForIdle(state: Transitions, act: () => void): Waiting<void> {
  yield* state.idleQueue.wait(() => state.runIfIdle(act));
}

/**
 * A reader waits until the count falls to 0 once, or until it is pointless to read. It does not loop: another
 * section may have opened by the time it looks, and `publish` will say so.                  [R1] [R5]
 */
export function* waitForClosing(
  state: Transitions,
  node: number,
  isPointless: () => boolean,
): Waiting<void> {
  const { region } = state;
  const at = nodeAt(node);
  region.add(at + Node.readers, 1);
  try {
    const turn = region.load(at + Node.turn);
    while (state.isRaised(node) && !isPointless() && region.load(at + Node.turn) === turn) {
      yield { region, index: at + Node.turn, expected: turn };
    }
  } finally {
    region.add(at + Node.readers, -1);
  }
}
