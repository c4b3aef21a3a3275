/**
 * Checks a release from end to end, and changes nothing: publishes every package to a registry on this machine, bumps
 * one, publishes again, and uses what came out as people would. `npm run release:check`; needs Debian's chromium.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { filterProblems } from '@arethetypeswrong/core/problems';
import { checkInBrowser, checkSizes } from './release/bundles.ts';
import { checkInNode, checkTypes, checkUnsupported } from './release/consumers.ts';
import { addPatch, checkBumped, copyForRelease, packAll, release } from './release/publish.ts';
import { startRegistry } from './release/registry.ts';
import { check, problems, publicPackages, root, run } from './release/shared.ts';

/** What is published twice: one that another package needs, and no more than that. */
const bumped = '@mmu-notifier/address-space';
const startMs = performance.now();

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const stepMs = performance.now();
  console.log(what);
  const result = await work();
  console.log(`    ${((performance.now() - stepMs) / 1000).toFixed(1)} s`);
  return result;
}

/** Are the types wrong? Of what resolves ESM; `require()` gets ESM too, which attw takes for a mistake. */
async function checkTarball(name: string, tarball: string): Promise<void> {
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
  check(analysis.types !== false, `${name}: expected types, got none`);
  if (analysis.types === false) return;
  for (const resolutionKind of ['node16-esm', 'bundler'] as const) {
    for (const problem of filterProblems(analysis, { resolutionKind })) {
      check(false, `${name}, ${resolutionKind}: ${JSON.stringify(problem)}`);
    }
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'mmu-notifier-release-'));
const copy = join(scratch, 'repository');
const registry = await startRegistry(join(scratch, 'registry'));
try {
  await step('build', () =>
    run('npx', ['turbo', 'run', 'build', '--output-logs=errors-only'], root),
  );
  const first = await step('publish everything', async () => {
    await copyForRelease(copy, registry);
    return release(copy);
  });
  await step(`bump ${bumped}, publish again`, async () => {
    addPatch(copy, bumped);
    checkBumped(copy, bumped, first, await release(copy));
  });
  const manifests = [...publicPackages(copy).values()];
  const versions = manifests.map(({ name, version }) => `${name}@${version}`);
  console.log(`    ${versions.join(' ')}`);
  await step('what is in the tarballs, and are the types right (attw)', async () => {
    const tarballs = await packAll(copy, join(scratch, 'tarballs'));
    for (const [name, tarball] of tarballs) await checkTarball(name, tarball);
  });
  const { npmrc } = registry;
  const types = join(scratch, 'types');
  await step('TypeScript: nodenext, bundler', () => checkTypes(types, npmrc, manifests));
  await step('Node.js 20, 22, 24: import, require, examples', () =>
    checkInNode(join(scratch, 'nodes'), npmrc, manifests),
  );
  const { version } = manifests.find(({ name }) => name === '@mmu-notifier/interval')!;
  await step('a Node.js that is too old', () =>
    checkUnsupported(join(scratch, 'unsupported'), npmrc, version),
  );
  await step('sizes', () => checkSizes(types));
  await step('Chromium, bundled by Vite', () => checkInBrowser(types));
} finally {
  registry.stop();
  rmSync(scratch, { recursive: true, force: true });
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
console.log(`release check: ${problems.length} problems, ${seconds} s`);
process.exitCode = problems.length > 0 ? 1 : 0;
