/**
 * `npm run test:quick`: something of every package that is published, in less than a minute. `npm test` runs all.
 *
 * It leaves out what starts threads or processes, goes through every interleaving, or plays random histories: these files,
 * by the names of their projects, and the keys of the conformance kit that do. A package of which nothing is left is an error.
 */
import { globSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import all from './vitest.config.ts';

/** The last three: the kit has most of what they say, and each file costs a process. */
const leftOutOfAll =
  'deaths fast-path random random-histories shared workers locks races reads'.split(' ');
const leftOut: Readonly<Record<string, readonly string[]>> = {
  'address-space': ['schedules'],
  benchmarks: ['notifier', 'operations'],
  explorer: ['differential', 'notifier', 'verdicts'],
  harness:
    'browser cli devices explore owner-run replay scaling stress track-record verdicts'.split(' '),
  'interval-tree': ['kernel-scenarios', 'large', 'random-operations', 'repack'],
  mutation: ['explored', 'mutants'],
  reference: ['histories'],
  repository: ['documents', 'misuse'],
  sync: ['agents', 'keep-alive', 'mailbox'],
  workloads: ['recordings'],
};

/** Projects of which nothing is quick: a browser, a compiler. */
const leftOutWhole = ['api-docs', 'examples'];

const projects = (all.test?.projects ?? []).flatMap((project) => {
  if (typeof project !== 'object' || !('test' in project)) throw new Error('expected a project');
  const { name, include = [] } = project.test ?? {};
  if (leftOutWhole.includes(String(name))) return [];
  const names = [...leftOutOfAll, ...(leftOut[String(name)] ?? [])];
  const exclude = names.map((each) => `**/test/${each}.test.ts`);
  const files = globSync(include, { cwd: import.meta.dirname, exclude });
  if (files.length === 0) throw new Error(`expected to leave something of ${String(name)}`);
  return [{ ...project, test: { ...project.test, exclude: ['**/node_modules/**', ...exclude] } }];
});

export default defineConfig({
  ...all,
  test: {
    ...all.test,
    projects,
    testNamePattern: /^(?!.*\[(AGENTS|EXPLORE)\.)/,
    // Of properties, some cases.
    env: { MMN_RUNS: process.env['MMN_RUNS'] ?? '10' },
    // Starting a process for each file would take as long as the tests; `npm test` does.
    isolate: false,
  },
});
