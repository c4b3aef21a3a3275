/**
 * The one place that starts threads, and learns of their end: worker threads of Node.js, workers of browsers.
 *
 * 1. Every agent that is started here has a number of its own in all regions, whoever started it.
 * 2. An agent that ended by an error, with an exit code, or by `terminate` is declared dead in the regions that it was
 *    given, when it runs no more: nobody waits for it any longer (deaths.ts). One that ended of itself is not: by
 *    returning it says that it left nothing open.
 * 3. Memory is handed over in `data`, by structured clone: a SharedArrayBuffer stays shared.
 */
import { NotifierError } from '@mmu-notifier/core';
import { parent, startThread } from '#port';
import { declareDead, watchDeaths } from '../deaths.ts';
import type { Region } from '../memory.ts';
import { becomeAgent, firstAgent } from '../this-agent.ts';
import type { ThreadPort } from './port.ts';

/** Options of {@link spawnAgent}. */
export interface SpawnOptions {
  /** What the agent gets from {@link joinAgents}. */
  readonly data?: unknown;
  /** Shared regions that it will use: its death is declared there. More with {@link Agent.watch}. */
  readonly regions?: readonly Region[];
  /** Messages that the agent posts. */
  readonly onMessage?: (message: unknown) => void;
}

/** How an agent ended. */
export interface AgentExit {
  readonly agent: number;
  /** It ended by an error or was terminated. */
  readonly isDead: boolean;
  /** Why, if it is dead. */
  readonly reason: unknown;
}

/** First message to every agent. */
interface Welcome {
  readonly agent: number;
  readonly numbers: SharedArrayBuffer;
  readonly data: unknown;
}

/** The next number that is given out, shared by all agents that were started from one. */
let numbers: Int32Array<SharedArrayBuffer> | undefined;

/** Says clearly that there is no shared memory here. @throws NotifierError `MMN_OPTION` */
export function requireSharedMemory(): void {
  if (typeof SharedArrayBuffer !== 'undefined') return;
  throw new NotifierError(
    'MMN_OPTION',
    'expected SharedArrayBuffer, which browsers offer to cross-origin isolated pages only (COOP and COEP), got none: use one event loop',
  );
}

function nextNumber(): number {
  if (numbers === undefined) {
    requireSharedMemory();
    numbers = new Int32Array(new SharedArrayBuffer(4));
    numbers[0] = firstAgent;
  }
  return Atomics.add(numbers, 0, 1);
}

/** An agent, seen by who started it. */
export class Agent {
  /** Written into the locks that it holds, and named by errors. */
  readonly number: number;
  /** How it ended. Never rejects. */
  readonly exit: Promise<AgentExit>;
  readonly #thread: ThreadPort;
  readonly #regions = new Set<Region>();
  #isOver = false;
  #isTerminated = false;

  /** @internal use {@link spawnAgent} */
  constructor(module: URL, { data, regions = [], onMessage }: SpawnOptions) {
    this.number = nextNumber();
    for (const region of regions) this.watch(region);
    let ended: (exit: AgentExit) => void;
    this.exit = new Promise((resolve) => (ended = resolve));
    this.#thread = startThread(module, {
      onMessage: (message) => onMessage?.(message),
      onExit: (reason) => {
        this.#isOver = true;
        const isDead = reason !== undefined || this.#isTerminated;
        if (isDead) for (const region of this.#regions) declareDead(region, this.number);
        ended({ agent: this.number, isDead, reason });
      },
    });
    const welcome: Welcome = { agent: this.number, numbers: numbers!.buffer, data };
    this.#thread.post(welcome);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Its death will be declared in this region too. Before it attaches there. */
  watch(region: Region): void {
    watchDeaths(region);
    this.#regions.add(region);
  }

  /** It will not use this region any more. */
  unwatch(region: Region): void {
    this.#regions.delete(region);
  }

  post(message: unknown): void {
    this.#thread.post(message);
  }

  /** Ends it wherever it is, and declares it dead. */
  async terminate(): Promise<void> {
    this.#isTerminated = true;
    await this.#thread.terminate();
    await this.exit;
  }

  /** Whether Node.js stays because of it. Default yes. */
  keepsAlive(isWanted: boolean): void {
    this.#thread.keepsAlive(isWanted);
  }
}

/** Starts an agent from a module, which calls {@link joinAgents}. @throws NotifierError `MMN_OPTION` without a URL */
export function spawnAgent(module: URL, options: SpawnOptions = {}): Agent {
  if (!(module instanceof URL)) {
    const came = typeof module === 'string' ? `'${String(module)}'` : typeof module;
    throw new NotifierError(
      'MMN_OPTION',
      `expected the module's URL, got ${came}: new URL('./worker.js', import.meta.url)`,
    );
  }
  return new Agent(module, options);
}

/** This agent, seen by itself. */
export interface ThisAgent<Data> {
  readonly agent: number;
  readonly data: Data;
  /** To who started it. */
  post(message: unknown): void;
  /** Messages of who started it. Until {@link leave}, the agent stays because of them. */
  onMessage(handler: (message: unknown) => void): void;
  /** It left nothing open, and ends when it has nothing to do any more. */
  leave(): void;
}

/** In a started thread: takes its number, before it attaches to any region, and what it was given. */
export function joinAgents<Data>(): Promise<ThisAgent<Data>> {
  const port = parent();
  if (port === undefined) {
    throw new NotifierError(
      'MMN_OPTION',
      'expected joinAgents in a thread that spawnAgent started, got called in another',
    );
  }
  return new Promise((resolve) => {
    let handler: ((message: unknown) => void) | undefined;
    let isWelcome = false;
    const early: unknown[] = [];
    const leave = port.listen((message) => {
      if (isWelcome) {
        if (handler === undefined) early.push(message);
        else handler(message);
        return;
      }
      isWelcome = true;
      const welcome = message as Welcome;
      numbers = new Int32Array(welcome.numbers);
      becomeAgent(welcome.agent);
      resolve({
        agent: welcome.agent,
        data: welcome.data as Data,
        post: (sent) => port.post(sent),
        onMessage(given) {
          handler = given;
          for (const sent of early.splice(0)) given(sent);
        },
        leave,
      });
    });
  });
}
