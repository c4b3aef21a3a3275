/** The WebAssembly module of native/flat_tree_search.c: built with clang, when there is one. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../native');
const PAGE_BYTES = 65_536;
const PAGES_MAX = 16_384;
const FLAGS = [
  '--target=wasm32',
  '-O3',
  '-matomics',
  '-mbulk-memory',
  '-nostdlib',
  '-Wl,--no-entry',
  '-Wl,--export-dynamic',
  '-Wl,--import-memory',
  '-Wl,--shared-memory',
  `-Wl,--max-memory=${PAGES_MAX * PAGE_BYTES}`,
];

export interface WasmModule {
  file: string;
  /** The compiler's first line about itself, and the flags. */
  compiler: string;
}

/** Undefined when there is no clang that can do it. */
export function buildWasm(): WasmModule | undefined {
  const file = join(FOLDER, 'dist/flat_tree_search.wasm');
  mkdirSync(join(FOLDER, 'dist'), { recursive: true });
  try {
    const version = run('--version');
    run(...FLAGS, '-o', file, join(FOLDER, 'flat_tree_search.c'));
    return { file, compiler: `${version.split('\n')[0]} ${FLAGS.slice(0, 3).join(' ')}` };
  } catch {
    return undefined;
  }
}

function run(...args: string[]): string {
  return execFileSync('clang', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** What the module exports. Addresses are bytes of the memory. */
export interface WasmExports {
  first(base: number, start: number, last: number): number;
  spin_lock(lock: number): void;
  spin_unlock(lock: number): void;
  identity(value: number): number;
}

/** The module in shared memory with room for `bytes` behind its own. */
export async function instantiate(
  file: string,
  bytes: number,
): Promise<{ exports: WasmExports; memory: SharedArrayBuffer; base: number }> {
  const base = 2 * PAGE_BYTES;
  const initial = Math.ceil((base + bytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial, maximum: PAGES_MAX, shared: true });
  const { instance } = await WebAssembly.instantiate(readFileSync(file), { env: { memory } });
  return {
    exports: instance.exports as unknown as WasmExports,
    memory: memory.buffer as SharedArrayBuffer,
    base,
  };
}
