/** What is judged: a strategy in one of its variants, and what the kit needs to know of it. */
import type { Notifier, Strategy, Traits } from '@mmu-notifier/core';
import type { Agents } from './agents/agents.ts';

/** A notifier that shares its address space with another subscriber, which refuses when told to. */
export interface Composed {
  readonly notifier: Notifier;
  /** From now on the other subscriber refuses non-blockable starts, or does not. */
  refuse(refuses: boolean): void;
}

/** See the file's head. */
export interface Subject {
  readonly strategy: Strategy;
  readonly variant: string;
  readonly traits: Traits;
  /** How to start other agents, if the strategy serves them. */
  readonly agents: Agents | undefined;
  /** Makes a notifier composed with another one, if it can be. */
  readonly composed: (() => Composed | Promise<Composed>) | undefined;
  /** Of random tests: which, and how many times the default number. */
  readonly seed: number;
  readonly effort: number;
}

/** Where single-agent tests keep the notifier: each kind of memory takes other paths in every primitive. */
export type Mode = 'event-loop' | 'shared-memory';
