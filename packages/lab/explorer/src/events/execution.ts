/** One execution of asynchronous code: who arrives next is picked by the caller. */
import { ExplorerError } from '../errors.ts';
import type { EventScenario } from './explore-events.ts';
import type { EventVerdict, Waiting } from './failure.ts';
import { atRest, patchTimers } from './patch-timers.ts';
import { World, type Completion, type Line } from './world.ts';

/** One choice that was made. */
export interface Choice {
  readonly picked: number;
  /** Of how many. */
  readonly count: number;
  readonly name: string;
  /** Whether it was an arrival: a choice that the code asked for costs nothing. */
  readonly isArrival: boolean;
  /** Whether the actor that took the last step could have taken this one, and so picking another preempts it. */
  readonly continues: boolean;
}

/** How an execution went. */
export interface Outcome {
  readonly choices: readonly Choice[];
  readonly lines: readonly Line[];
  readonly actors: readonly string[];
  readonly failure:
    | {
        readonly verdict: EventVerdict;
        readonly error: unknown;
        readonly waiting: readonly Waiting[];
      }
    | undefined;
}

/** Which of `count` at the choice of number `at`. */
export type Pick = (at: number, count: number) => number;

const arrivalsDefault = 10_000;

/** Runs it once. */
export async function execute(scenario: EventScenario, pick: Pick): Promise<Outcome> {
  const choices: Choice[] = [];
  const keepsOn = scenario.strategy === 'preemptions';

  function choose(
    names: readonly string[] | number,
    isArrival: boolean,
    continues: boolean,
  ): number {
    const count = typeof names === 'number' ? names : names.length;
    const picked = pick(choices.length, count);
    if (picked >= count) {
      throw new ExplorerError(
        `choice ${choices.length + 1} was one of more than ${picked}, now of ${count}`,
      );
    }
    const name = typeof names === 'number' ? `choose(${count}) = ${picked}` : names[picked]!;
    choices.push({ picked, count, name, isArrival, continues });
    return picked;
  }

  const world = new World((count) => {
    const picked = choose(count, false, false);
    world.lines.push({ actor: world.last, text: choices.at(-1)!.name, number: choices.length });
    return picked;
  });
  const end = (failure: Outcome['failure']): Outcome => ({
    choices,
    lines: world.lines,
    actors: world.actors.map(({ name }) => name),
    failure,
  });
  const unpatch = patchTimers(() => world);
  let settled: { error: unknown } | 'fine' | undefined;
  try {
    void Promise.resolve()
      .then(() => scenario.run(world))
      .then(
        () => (settled = 'fine'),
        (error: unknown) => (settled = { error }),
      );
    for (;;) {
      await atRest();
      if (world.aborted !== undefined) return end(thrown(world.aborted.error));
      if (settled === 'fine') return end(undefined);
      if (settled !== undefined) return end(thrown(settled.error));
      const candidates = world.candidates(keepsOn);
      if (candidates.length === 0) return end(stuck(world));
      if (choices.length > (scenario.arrivalsMax ?? arrivalsDefault)) {
        const error = new Error(`${choices.length} arrivals, and no end`);
        return end({ verdict: 'endless', error, waiting: [] });
      }
      const names = candidates.map(({ name }) => name);
      const continues = world.last !== undefined && candidates[0]!.actor === world.last;
      arrive(world, candidates[choose(names, true, continues)]!, choices);
    }
  } catch (error) {
    return end(thrown(error));
  } finally {
    unpatch();
  }
}

function arrive(world: World, completion: Completion, choices: readonly Choice[]): void {
  const { picked, count } = choices.at(-1)!;
  const { actor, name } = completion;
  const late = actor === undefined && picked > 0 ? `   (overtakes ${picked} of ${count - 1})` : '';
  const text = actor === undefined ? `${name} arrives${late}` : name;
  world.lines.push({ actor, text, number: choices.length });
  completion.arrive();
}

/** Nothing can arrive any more, and the code has not come to its end. */
function stuck({ actors }: World): NonNullable<Outcome['failure']> {
  const waiting = actors
    .filter(({ hasEnded }) => !hasEnded)
    .map(({ name, doing = 'nothing' }) => ({ actor: name, step: doing }));
  const who = waiting.map(({ actor, step }) => `${actor} after '${step}'`).join(', ');
  const message =
    waiting.length === 0
      ? 'the code waits for something that nobody will ever complete'
      : `nobody can go on: ${who}`;
  return { verdict: 'deadlock', error: new Error(message), waiting };
}

function thrown(error: unknown): NonNullable<Outcome['failure']> {
  const verdict = error instanceof ExplorerError ? 'nondeterminism' : 'assertion';
  return { verdict, error, waiting: [] };
}
