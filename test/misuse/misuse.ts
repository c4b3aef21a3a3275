/**
 * What callers can get wrong, for everything that a package exports.
 *
 * 1. A table has an entry for each function, class and method that an entry point exports: mistakes, each of which is
 *    carried out, or a sentence that says why there is none to make.
 * 2. A mistake is answered by an error with the code, and one line: "expected …, got …".
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A mistake, made by `make`, which throws or rejects. */
export interface Mistake {
  readonly what: string;
  readonly make: () => unknown;
  /** The error's code; its name, where errors have no codes. */
  readonly code: string;
  /** A part of the message. */
  readonly says: string;
}

/** By name: `collisionRetry`, `Mutex` (its constructor), `Mutex.lock`, `interval.create`. `Mutex.*` takes a reason only. */
export type Table = Readonly<Record<string, readonly Mistake[] | string>>;

/** A line of a table. */
export function mistake(what: string, code: string, says: string, make: () => unknown): Mistake {
  return { what, code, says, make };
}

/** What untyped callers pass. */
export function wrong<T>(value: unknown): T {
  return value as T;
}

/** An entry point of a published package. */
export interface EntryPoint {
  /** What one imports. */
  readonly specifier: string;
  readonly file: string;
}

const root = join(import.meta.dirname, '../..');

/** Every entry point of every published package. */
export function entryPoints(): EntryPoint[] {
  return globSync('packages/*/*/package.json', { cwd: root })
    .sort()
    .flatMap((path) => {
      const { name, exports } = JSON.parse(readFileSync(join(root, path), 'utf8')) as {
        name: string;
        exports: Record<string, { '@mmu-notifier/source': string }>;
      };
      return Object.entries(exports).map(([subpath, { '@mmu-notifier/source': source }]) => ({
        specifier: name + subpath.slice(1),
        file: join(root, path, '..', source),
      }));
    });
}

/** The names of all that can be called of a module, as in {@link Table}. */
export function callable(module: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(module).flatMap(([name, value]) => {
    if (typeof value === 'function') {
      if (!Function.prototype.toString.call(value).startsWith('class')) return [name];
      const members = [...inheritedOf(value.prototype as object), ...methodsOf(value)];
      return [name, ...members.map((member) => `${name}.${member}`)];
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    return methodsOf(value).map((member) => `${name}.${member}`);
  });
}

/** A class's methods, its base's too if that is one of ours. */
function inheritedOf(prototype: object): string[] {
  const base = Object.getPrototypeOf(prototype) as object;
  const isOurs = !Function.prototype.toString.call(base.constructor).includes('[native code]');
  return [...new Set([...(isOurs ? inheritedOf(base) : []), ...methodsOf(prototype)])];
}

function methodsOf(target: object): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(target))
    .filter(([name, { value }]) => typeof value === 'function' && name !== 'constructor')
    .map(([name]) => name);
}
