/** Parsers of option values: what was expected, what came, exit code 2. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { parseMirrorRule } from './mirror.ts';
import { contenderOf, type Contender } from './strategies.ts';

/** An integer within bounds. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[+-]?\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected an integer from ${min} to ${max}, got '${text}'.`);
  };
}

/** Strategies by name, separated by commas; may be given several times. */
export function strategyList(text: string, before: Contender[] = []): Contender[] {
  const labels = text.split(',').map((label) => label.trim());
  return [...before, ...labels.map((label) => attempt(() => contenderOf(label)))];
}

/** One of the mirror rules. */
export function mirrorRule(text: string): string {
  attempt(() => parseMirrorRule(text));
  return text;
}

/** Values that may be given several times. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** A file that can be written: asked before the work, not after it. */
export function outputFile(text: string): string {
  const path = resolve(text);
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch {
    throw new InvalidArgumentError(`expected a file in a writable folder, got '${text}'.`);
  }
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new InvalidArgumentError(`expected a file, got the folder '${text}'.`);
  }
  return path;
}

function attempt<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new InvalidArgumentError(`${error instanceof Error ? error.message : String(error)}.`);
  }
}
