/** Explores every interleaving of unmodified SharedArrayBuffer code. */
export { choose, free, note, part, waitInSlices } from './controls.ts';
export { ExplorerError } from './errors.ts';
export {
  exploreEvents,
  replayEvents,
  type EventExploration,
  type EventScenario,
} from './events/explore-events.ts';
export type { EventActor } from './events/actor.ts';
export type { EventFailure, EventVerdict } from './events/failure.ts';
export type { EventWorld } from './events/world.ts';
export { explore, replay } from './explore.ts';
export type { Exploration, Failure, Status, Verdict } from './failure.ts';
export type { Place } from './report/stack.ts';
export type { TraceEvent } from './report/trace.ts';
export type { Budget, Counts, Options, Scenario, Strategy, ThreadBody } from './scenario.ts';
export { InterleavingError, verify } from './verify.ts';
