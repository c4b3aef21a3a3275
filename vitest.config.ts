import { existsSync, globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig } from 'vitest/config';

const sourceCondition = '@mmu-notifier/source';

// Tests start hundreds of threads and processes, each of which would strip the same sources of their types again.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

/**
 * No wrapper of a WebAssembly import is ever compiled. Threads strip types in WebAssembly, and V8 13.6 (Node.js 24) uses
 * such a wrapper after it was freed: of two thousand threads that ended, one brought its process down.
 */
const noWrapperTierUp = '--wasm-wrapper-tiering-budget=2147483647';

/**
 * Each package with a test folder is a project of its own; the root's `test/` holds the tests of the whole repository.
 * All have the repository as their root: what one has transformed is in the cache for the others.
 */
const packages = globSync(['packages/*/*/test', 'apps/*/test', 'benchmarks/test'], {
  cwd: import.meta.dirname,
})
  .map((folder) => join(folder, '..'))
  .filter((folder) => existsSync(join(import.meta.dirname, folder, 'package.json')))
  .sort();

export default defineConfig({
  ssr: { resolve: { conditions: [sourceCondition] } },
  test: {
    projects: [
      ...packages.map((folder) => ({
        extends: true as const,
        test: {
          name: basename(folder),
          root: import.meta.dirname,
          include: [`${folder}/test/**/*.test.ts`],
        },
      })),
      {
        extends: true as const,
        test: { name: 'repository', root: import.meta.dirname, include: ['test/**/*.test.ts'] },
      },
    ],
    execArgv: [`--conditions=${sourceCondition}`, noWrapperTierUp],
    // All cores; vitest leaves one idle, which on two is half.
    maxWorkers: '100%',
    // Only a hang is to reach it: beside other work a second of computing takes many.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
