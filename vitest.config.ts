import { existsSync, globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig } from 'vitest/config';

const sourceCondition = '@mmu-notifier/source';

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
    execArgv: [`--conditions=${sourceCondition}`],
    // All cores; vitest leaves one idle, which on two is half.
    maxWorkers: '100%',
    // Only a hang is to reach it: beside other work a second of computing takes many.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
