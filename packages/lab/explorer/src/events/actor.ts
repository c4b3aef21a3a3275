/** Those who act at the same time in explored asynchronous code. */
import type { World } from './world.ts';

/** One of several who act at the same time: a column of the diagram. */
export interface EventActor {
  readonly name: string;
  /** A point at which others may come first: goes on when the explorer lets it. Say what comes next. */
  step(what: string): Promise<void>;
  /** Puts a line into the diagram. */
  note(text: string): void;
}

/** See {@link EventActor}. */
export class Actor implements EventActor {
  readonly name: string;
  /** The last step that it was let do. */
  doing: string | undefined;
  hasEnded = false;
  readonly #world: World;

  constructor(name: string, world: World) {
    this.name = name;
    this.#world = world;
  }

  step(what: string): Promise<void> {
    return this.#world.arrival<void>(what, this, undefined);
  }

  note(text: string): void {
    this.#world.note(text, this);
  }
}
