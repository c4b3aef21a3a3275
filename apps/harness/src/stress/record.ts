/**
 * A file of lines that long runs are kept in, one JSON value a line, so that an interruption loses nothing.
 *
 * 1. The first line is the head: what was asked for, and where it runs. Whoever resumes must ask for the same.
 * 2. Then a line for each result, written when it is there. The last line is the summary, if all of it is there.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { UsageError } from '../errors.ts';
import { machine, type Machine } from '../report-format.ts';

/** What was asked for; compared when a record is resumed. */
export interface Asked {
  /** Name and version of the format. */
  readonly schema: string;
  readonly [option: string]: unknown;
}

/** What a record holds. */
export interface RecordContent<Result> {
  readonly asked: Asked;
  readonly machine: Machine;
  readonly results: readonly Result[];
}

/** Reads one. @throws UsageError */
export function readRecord<Result>(path: string, schema: string): RecordContent<Result> {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parse(line, path) as Record<string, unknown>);
  const [head, ...rest] = lines as [{ asked?: Asked; machine: Machine } | undefined, ...unknown[]];
  if (head?.asked?.schema !== schema) {
    throw new UsageError(
      `expected a record of ${schema} in ${path}, got ${String(head?.asked?.schema ?? 'none')}`,
    );
  }
  const results = (rest as Record<string, unknown>[]).filter((line) => !('summary' in line));
  return { asked: head.asked, machine: head.machine, results: results as unknown as Result[] };
}

/** The record of a run; without a path it is kept in memory only. */
export class RunRecord<Result> {
  /** Those of an earlier run come first. */
  readonly results: Result[] = [];
  /** How many there were before. */
  readonly before: number;
  readonly #path: string | undefined;

  /** @throws UsageError if the file holds what was made with other options */
  constructor(path: string | undefined, asked: Asked) {
    this.#path = path;
    if (path !== undefined && existsSync(path)) {
      const content = readRecord<Result>(path, asked.schema);
      const [expected, got] = [JSON.stringify(asked), JSON.stringify(content.asked)];
      if (got !== expected) {
        throw new UsageError(`expected a record of ${expected} in ${path}, got one of ${got}`);
      }
      this.results.push(...content.results);
    }
    this.before = this.results.length;
    if (path === undefined) return;
    const lines = [{ asked, machine: machine() }, ...this.results];
    writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  add(result: Result): void {
    this.results.push(result);
    this.#append(result);
  }

  /** All of it is there. */
  finish(summary: object): void {
    this.#append({ summary });
  }

  #append(line: unknown): void {
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }
}

function parse(line: string, path: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new UsageError(
      `expected a JSON value in each line of ${path}, got '${line.slice(0, 40)}'`,
    );
  }
}
