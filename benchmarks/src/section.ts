/**
 * What a section of the benchmarks is: a file in `sections/`, with the section's name, that exports one of these, and a line in `sections/index.ts`.
 *
 * The runner asks `prepare` once, in its own process, what there is to compare. For each observation it then starts a process
 * that imports the section and calls `observe`, or runs the contender's own command.
 */
import type { Observation } from './method.ts';
import type { CaseResult } from './runner.ts';

/**
 * How much to run: `smoke` so that nothing rots, `short` for a first look at everything, `alone` for one section by itself, which may take
 * some minutes, `full` for numbers to publish.
 */
export type Level = 'smoke' | 'short' | 'alone' | 'full';

/** Anything that JSON can carry to another process. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

export interface Contender {
  name: string;
  /** A program that prints an Observation as JSON, instead of `observe`. */
  command?: readonly string[];
}

/** One cell row of a table: contenders that do the same work. The first one is the baseline. */
export interface Case {
  /** Label of the rows it stands in, and of its column. */
  row: string;
  column: string;
  /** Given to `observe`. */
  input: Json;
  rounds: number;
  contenders: readonly Contender[];
}

/** What there is to run, and what there is to say about it. */
export interface Plan {
  cases: Case[];
  /** Contenders that are listed without a time, and why. */
  excluded: { contender: string; reason: string }[];
  /** For the reader of the table: what the work is, and what is unfair about it. */
  notes: string[];
  /** Further facts for the header, such as compiler flags. */
  facts: Record<string, string>;
  /** Called at the end, whatever happened. */
  dispose(): void;
}

export interface Section {
  name: string;
  title: string;
  prepare(level: Level): Promise<Plan>;
  /** What the results say beside the table: further remarks. */
  conclude?(cases: readonly CaseResult[]): string[];
  /** In a process of its own: does the work of `input` with one contender. */
  observe(input: Json, contender: string): Observation | Promise<Observation>;
}
