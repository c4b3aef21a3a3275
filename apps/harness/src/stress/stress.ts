/**
 * A stress run on worker threads: rounds on a fresh notifier each, in which all agents hammer it, and an end at which
 * the address space is released.
 *
 * 1. The agents stay from round to round, but for those that a fault ends: others are started in their place.
 * 2. A round ends when its time is over. Agents that have not come back `hungMs` later hang: that is a failure, and
 *    so is every stale read, and every error that the round's fault does not explain.
 */
import { Random } from '@mmu-notifier/address-space';
import { codeOf, type Strategy } from '@mmu-notifier/core';
import { delay, nowMs, Region, watchDeaths } from '@mmu-notifier/sync';
import { requireSharedMemory, spawnAgent, type Agent } from '@mmu-notifier/sync/agents';
import type { Contender } from '../strategies.ts';
import { devicesPerAgent, type Round, type RoundEnd } from './agent.ts';
import { addCounts, Board, noCounts, type Counts } from './board.ts';
import { chooseFault, kills, type Fault, type FaultKind } from './faults.ts';

/** Options of {@link stress}. */
export interface StressOptions {
  readonly contender: Contender;
  readonly workers: number;
  readonly seed: number;
  readonly pages: number;
  /** Ends the run; or `rounds` does. */
  readonly seconds: number;
  readonly rounds: number;
  readonly firstRound: number;
  readonly roundMs: number;
  /** Share of the rounds with a fault. */
  readonly faultRate: number;
  readonly faultKinds: readonly FaultKind[];
  /** Callbacks run on the agents that subscribed. */
  readonly ownerRun: boolean;
  readonly signal: AbortSignal;
  readonly onRound?: (report: RoundReport) => void;
  readonly onProgress?: (counts: Counts, seconds: number) => void;
}

/** What came of one round. */
export interface RoundReport {
  readonly round: number;
  readonly fault: FaultKind | undefined;
  /** The agent that the fault ended, by its number. */
  readonly dead: number | undefined;
  readonly staleReads: number;
  /** The first error that named the dead agent. */
  readonly death: string | undefined;
  /** Agents that never came back. */
  readonly hung: number;
  /** What the fault does not explain. */
  readonly errors: readonly string[];
  /** From the agent's end, or the end of the round's time, until all survivors were back. */
  readonly afterMs: number;
}

/** What came of a run. */
export interface StressReport {
  readonly counts: Counts;
  readonly seconds: number;
  readonly rounds: readonly RoundReport[];
  readonly firstStale: string | undefined;
  readonly isInterrupted: boolean;
}

/** Milliseconds that waiters give the living after a death: short, for many rounds. */
const graceMs = 200;
/** Milliseconds after which an agent that does not come back hangs. */
const hungMs = 5000;
const progressMs = 200;

/** See the file's head. */
export async function stress(options: StressOptions): Promise<StressReport> {
  requireSharedMemory();
  return new StressRun(options).run();
}

class StressRun {
  readonly #options: StressOptions;
  readonly #counts: Counts = noCounts();
  readonly #rounds: RoundReport[] = [];
  readonly #agents: (Agent | undefined)[] = [];
  readonly #ends = new Map<number, (end: RoundEnd) => void>();
  #firstStale: string | undefined;
  #board: Board | undefined;
  /** When the agents were there for the first time: starting them is not counted. */
  #beganMs: number | undefined;

  constructor(options: StressOptions) {
    this.#options = options;
  }

  async run(): Promise<StressReport> {
    const { seconds, rounds, firstRound, signal } = this.#options;
    const elapsed = (): number =>
      this.#beganMs === undefined ? 0 : (nowMs() - this.#beganMs) / 1000;
    const progress = setInterval(() => this.#tell(elapsed()), progressMs);
    try {
      for (let round = firstRound; round < rounds && elapsed() < seconds; round++) {
        if (signal.aborted) break;
        const report = await this.#round(round, seconds - elapsed());
        if (report === undefined) break;
        // What was cut short counts only if it found something: whoever resumes runs it again.
        if (signal.aborted && report.staleReads === 0 && report.errors.length === 0) break;
        this.#rounds.push(report);
        this.#options.onRound?.(report);
      }
    } finally {
      clearInterval(progress);
      await Promise.all(this.#agents.map((agent) => agent?.terminate()));
    }
    return {
      counts: this.#counts,
      seconds: elapsed(),
      rounds: this.#rounds,
      firstStale: this.#firstStale,
      isInterrupted: signal.aborted,
    };
  }

  #tell(seconds: number): void {
    const counts = { ...this.#counts };
    if (this.#board !== undefined) addCounts(counts, this.#board.totals());
    this.#options.onProgress?.(counts, seconds);
  }

  /** `undefined` if it was interrupted before it began. */
  async #round(round: number, secondsLeft: number): Promise<RoundReport | undefined> {
    const { contender, workers, seed, pages, faultRate, faultKinds } = this.#options;
    const random = new Random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b)) | 0);
    const fault = random.chance(faultRate) ? chooseFault(random, faultKinds, workers) : undefined;
    const notifier = createNotifier(contender, workers, fault);
    const board = createBoard({ agents: workers, pages, devices: workers * devicesPerAgent });
    this.#board = board;
    const dies = kills(fault) ? fault.agent : undefined;
    const releaser = (random.below(workers) + (dies ?? 0)) % workers;
    const told = {
      strategy: contender.label,
      seed,
      round,
      notifier: notifier.memory,
      board: board.region.memory as SharedArrayBuffer,
      fault,
      ownerRun: this.#options.ownerRun,
      releaser: releaser === dies ? (releaser + 1) % workers : releaser,
    };
    const ends = Array.from({ length: workers }, (_, index) =>
      this.#send(index, { ...told, index }, [board.region, ...notifier.regions]),
    );
    await this.#untilReady(board, ends);
    const isHere = board.ready === workers;
    if (!isHere && this.#options.signal.aborted) return undefined; // they are still starting
    this.#beganMs ??= nowMs();
    const roundMs = Math.min(this.#options.roundMs, Math.max(50, secondsLeft * 1000));
    let dead: number | undefined;
    let overMs: number;
    if (kills(fault) && !this.#options.signal.aborted) {
      await this.#moment(board, fault);
      const victim = this.#agents[fault.agent]!;
      dead = victim.number;
      await victim.terminate();
      overMs = nowMs();
      await this.#pause(graceMs * 1.5);
    } else {
      await this.#pause(roundMs);
      overMs = nowMs();
    }
    board.stop();
    const errors: string[] = [];
    let hung = 0;
    const back = new AbortController();
    const late = delay(hungMs, back.signal).then(
      () => 'hung' as const,
      () => undefined,
    );
    const results = await Promise.all(
      ends.map(async (end, index) => {
        if (dead !== undefined && index === dies) return undefined;
        const result = await Promise.race([end, late]);
        if (result !== 'hung') return result;
        hung++;
        errors.push(
          `agent ${this.#agents[index]!.number} hangs: it has not come back in ${hungMs} ms`,
        );
        return undefined;
      }),
    );
    back.abort(); // a timer that runs on would keep the process
    const afterMs = nowMs() - overMs;
    if (errors.length > 0) await Promise.all(this.#agents.map((agent) => agent?.terminate()));
    for (const result of results) {
      if (result?.error !== undefined) errors.push(result.error);
      this.#firstStale ??= result?.firstStale;
    }
    if (errors.length === 0 && fault === undefined) {
      try {
        contender.strategy.attach(notifier.memory).verify();
      } catch (error) {
        errors.push(String(error));
      }
    }
    const counts = board.totals();
    counts.staleReads += this.#sweep(board, dead === undefined);
    addCounts(this.#counts, counts);
    this.#board = undefined;
    for (const [index, agent] of this.#agents.entries()) {
      if (agent?.isOver === true) this.#agents[index] = undefined;
      else for (const region of [board.region, ...notifier.regions]) agent?.unwatch(region);
    }
    return {
      round,
      fault: fault?.kind,
      dead,
      staleReads: counts.staleReads,
      death: results.find((result) => result?.firstDeath !== undefined)?.firstDeath,
      hung,
      errors,
      afterMs,
    };
  }

  /** Tells an agent of a round, starting it if there is none; resolves to what it says at the end. */
  #send(index: number, round: Round, regions: readonly Region[]): Promise<RoundEnd> {
    let agent = this.#agents[index];
    if (agent === undefined || agent.isOver) {
      agent = spawnAgent(new URL('./worker.ts', import.meta.url), {
        onMessage: (message) => this.#ends.get(index)?.(message as RoundEnd),
      });
      this.#agents[index] = agent;
    }
    for (const region of regions) agent.watch(region);
    agent.post(round);
    const answered = new Promise<RoundEnd>((resolve) => this.#ends.set(index, resolve));
    const died = agent.exit.then(({ reason }) => ({
      round: round.round,
      firstStale: undefined,
      firstDeath: undefined,
      error: `agent ${agent.number} ended: ${String(reason)}`,
    }));
    return Promise.race([answered, died]);
  }

  /** Until all agents are there, or one of them never will be. */
  async #untilReady(board: Board, ends: readonly Promise<unknown>[]): Promise<void> {
    const broken = new AbortController();
    void Promise.race(ends).then(() => broken.abort());
    const signal = AbortSignal.any([broken.signal, this.#options.signal]);
    while (board.ready < board.size.agents && !signal.aborted) await delay(1);
  }

  /** Until the agent is where the fault ends it. */
  async #moment(board: Board, { kind, agent, afterMs }: Fault): Promise<void> {
    const lastMs = nowMs() + 1000; // some places are rare: then it is ended wherever it is
    if (kind === 'anywhere' || kind === 'waiting') await delay(afterMs);
    if (kind === 'waiting') while (!board.isWaiting(agent) && nowMs() < lastMs);
    if (kind === 'lock' || kind === 'callback' || kind === 'section' || kind === 'silent') {
      while (!board.hasArrived && nowMs() < lastMs) await delay(1);
    }
    if (kind === 'silent') await delay(graceMs);
  }

  /** A while, or until somebody interrupts. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, this.#options.signal).catch(() => {});
  }

  /** Entries that are stale in the end and could be used: not those whose driver's lock died with its holder. */
  #sweep(board: Board, isWhole: boolean): number {
    let stale = 0;
    for (let device = 0; device < board.size.devices; device++) {
      if (!isWhole && !isUsable(board, device)) continue;
      for (let page = 0; page < board.size.pages; page++) {
        if (!board.isStale(device, page)) continue;
        stale++;
        this.#firstStale ??= `device ${device} has page ${page} in version ${board.shadow(device, page)} in the end, which is in version ${board.version(page)}`;
      }
    }
    return stale;
  }
}

function isUsable(board: Board, device: number): boolean {
  const lock = board.lockOf(device);
  try {
    if (lock.tryLock()) lock.unlock();
    return true;
  } catch (error) {
    if (codeOf(error) === 'MMN_AGENT_DIED') return false;
    throw error;
  }
}

function createBoard(size: { agents: number; pages: number; devices: number }): Board {
  const board = Board.create(size, new SharedArrayBuffer(Board.byteLength(size)));
  watchDeaths(board.region, { graceMs });
  return board;
}

/** A notifier for a round, and the region that it lives in. */
function createNotifier(
  { strategy, variant }: Contender,
  workers: number,
  fault: Fault | undefined,
): { memory: SharedArrayBuffer; regions: Region[] } {
  const stay = workers * (devicesPerAgent - 1);
  const capacity = fault?.kind === 'full' ? stay : stay + workers * 2;
  const memory = new SharedArrayBuffer(Math.max(8, strategy.byteLength(capacity, variant)));
  strategy.create({ memory, capacity, variant });
  if (strategy.name === 'none') return { memory, regions: [] };
  const region = Region.attach(memory, strategy.name);
  watchDeaths(region, { graceMs });
  if (fault?.kind === 'carry') carry(strategy.nameOfWord, region);
  return { memory, regions: [region] };
}

/** Puts the sequence numbers of two words a few epochs before their carry: even numbers, as at rest. */
function carry(nameOfWord: Strategy['nameOfWord'], { words, capacity }: Region): void {
  for (let index = 0; index < words.length; index++) {
    if (nameOfWord?.(index, capacity)?.endsWith('.seqLow')) words[index] = -64;
  }
}
