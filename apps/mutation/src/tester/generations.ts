/**
 * Modules in generations: what a module with `?generation=7.ts` imports from the repository is of generation 7 too, and loaded anew. So one
 * process tries one changed source after the other. What comes from elsewhere is loaded once.
 */
import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const standIn = new URL('./vitest-stand-in.ts', import.meta.url).href;
const stripped = new Map<string, string>();

/** @param root of the copy of the repository in which the sources are */
export function installGenerations(root: string): void {
  const ours = `${pathToFileURL(root).href}/packages/`;
  registerHooks({
    resolve(specifier, context, next) {
      const generation = /\?generation=\d+\.ts$/.exec(context.parentURL ?? '')?.[0];
      if (generation === undefined) return next(specifier, context);
      if (specifier === 'vitest') return { url: standIn, shortCircuit: true };
      const resolved = next(specifier, context);
      if (!resolved.url.startsWith(ours) || resolved.url.includes('?')) return resolved;
      return { ...resolved, url: resolved.url + generation };
    },
    load(url, context, next) {
      if (!url.startsWith(ours) || !url.includes('?generation=')) return next(url, context);
      return { format: 'module', source: sourceOf(fileURLToPath(url)), shortCircuit: true };
    },
  });
}

function sourceOf(file: string): string {
  let source = stripped.get(file);
  if (source === undefined) {
    source = stripTypeScriptTypes(readFileSync(file, 'utf8'));
    stripped.set(file, source);
  }
  return source;
}

/** The file was changed. */
export function forget(file: string): void {
  stripped.delete(file);
}
