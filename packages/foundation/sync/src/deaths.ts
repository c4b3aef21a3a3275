/**
 * Agents that died: threads that were terminated, or ended by an error, in the middle of whatever they did.
 *
 * 1. A thread cannot say that it died. Who started it watches (`spawnAgent`), and declares it dead in every region that
 *    it used. Nothing on a fast path asks: only who is about to wait does, and who has spun for long.
 * 2. Nobody takes over what a dead agent held: what a lock protects is half done. Whoever needs it gets
 *    `MMN_AGENT_DIED` with the dead agent's number, at once and every time: the lock is poisoned.
 * 3. A lock tells who holds it. What a counter counts (sections, readers) is not known to be a dead agent's. So who
 *    waits for such a thing in a region in which an agent died waits `graceMs` longer and then fails: living
 *    agents get the time to do their part.
 * 4. While a region is watched, whoever sleeps looks up several times in `graceMs`: a wake that was meant for it may
 *    have died with the agent that got it.
 *
 *     dying agent                          waiter
 *     ------------------------------------ ------------------------------------
 *     lock
 *                                          lock is held: looks at `deaths`, sleeps
 *     terminated; declared dead
 *                                          looks up, `deaths` is not 0: the holder is among the dead
 *     Required: the waiter fails within graceMs and a bit, and names the agent.                [K1]
 *
 * Ours. Robust futexes (Linux, Documentation/locking/robust-futexes.rst) hand the lock to the next owner with
 * EOWNERDEAD, and that owner repairs; a notifier's records have no repair that would be certain to be right.
 */
import { NotifierError } from '@mmu-notifier/core';
import * as headerAt from './header.ts';
import { headerWords, type Region } from './memory.ts';

/** How many of the dead are known by number; of more than that, only the count. */
const deadMax = headerWords - headerAt.dead;
const graceMsDefault = 1000;

/** Options of {@link watchDeaths}. */
export interface WatchOptions {
  /** Milliseconds that waiters give the living after a death, an integer. Default as before, at first 1000. */
  readonly graceMs?: number;
}

/** Somebody will declare deaths in this shared region from now on. Before its agents attach. */
export function watchDeaths(region: Region, options: WatchOptions = {}): void {
  const { graceMs = region.load(headerAt.graceMs) || graceMsDefault } = options;
  if (!Number.isSafeInteger(graceMs) || graceMs < 1 || graceMs >= 2 ** 31) {
    throw new NotifierError(
      'MMN_OPTION',
      `expected graceMs to be an integer from 1 to 2^31-1, got ${String(graceMs)}`,
    );
  }
  region.store(headerAt.graceMs, graceMs);
}

/** An agent has died, for certain: it will never touch this region again. Saying it twice is harmless. @throws NotifierError `MMN_OPTION` */
export function declareDead(region: Region, agent: number): void {
  if (!Number.isInteger(agent) || agent < 1) {
    throw new NotifierError(
      'MMN_OPTION',
      `expected the number of an agent, from 1 on, got ${String(agent)}`,
    );
  }
  if (isDead(region, agent)) return;
  const index = region.add(headerAt.deaths, 1);
  if (index < deadMax) region.store(headerAt.dead + index, agent);
}

/** Whether any agent was declared dead here. One load. */
export function hasDeaths(region: Region): boolean {
  return region.load(headerAt.deaths) !== 0;
}

/** Whether this agent was declared dead. */
export function isDead(region: Region, agent: number): boolean {
  return deadAgents(region).includes(agent);
}

/** The agents that were declared dead, the first eight of them. */
export function deadAgents(region: Region): number[] {
  const count = Math.min(region.load(headerAt.deaths), deadMax);
  const agents: number[] = [];
  for (let index = 0; index < count; index++) {
    const agent = region.load(headerAt.dead + index);
    if (agent !== 0) agents.push(agent);
  }
  return agents;
}

/** Throws if the agent that holds something is dead. @throws NotifierError `MMN_AGENT_DIED` */
export function refuseDeadHolder(region: Region, holder: number, what: string): void {
  if (!hasDeaths(region) || !isDead(region, holder)) return;
  throw new NotifierError(
    'MMN_AGENT_DIED',
    `expected ${what} to be given back, but agent ${holder}, which holds it, has died`,
  );
}

/** What one wait knows of deaths. See the file's head, 3. */
export class Patience {
  readonly #nowMs: () => number;
  #untilMs = Infinity;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Called before each sleep: returns how many milliseconds it may last.
   *
   * @param holder the agent that is waited for, if that is known
   * @throws NotifierError `MMN_AGENT_DIED`
   */
  look(region: Region, holder: number | undefined): number {
    const graceMs = region.load(headerAt.graceMs);
    const deaths = region.load(headerAt.deaths);
    if (deaths !== 0) {
      if (holder !== undefined) refuseDeadHolder(region, holder, 'what is waited for');
      if (holder === undefined || deaths > deadMax) this.#suspect(region, graceMs);
    }
    return graceMs === 0 ? Infinity : Math.max(1, graceMs / 8);
  }

  #suspect(region: Region, graceMs: number): void {
    const nowMs = this.#nowMs();
    if (this.#untilMs === Infinity) this.#untilMs = nowMs + graceMs;
    if (nowMs < this.#untilMs) return;
    const dead = deadAgents(region);
    throw new NotifierError(
      'MMN_AGENT_DIED',
      `expected what is waited for within ${graceMs} ms, but ${dead.length === 1 ? 'agent' : 'agents'} ${dead.join(', ')} died here and may owe it`,
    );
  }
}
