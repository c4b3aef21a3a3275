/**
 * Checks a release from end to end, and changes nothing: publishes every package to a registry on this machine, bumps
 * one, publishes again, and uses what came out as people would. `npm run release:check`; needs Debian's chromium.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkInBrowser, checkSizes } from './release/bundles.ts';
import { checkInNode, checkTypes, checkUnsupported } from './release/consumers.ts';
import { addPatch, checkBumped, copyForRelease, packAll, release } from './release/publish.ts';
import { startRegistry } from './release/registry.ts';
import { check, problems, publicPackages, root, run } from './release/shared.ts';

const startMs = performance.now();

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const stepMs = performance.now();
  console.log(what);
  const result = await work();
  console.log(`    ${((performance.now() - stepMs) / 1000).toFixed(1)} s`);
  return result;
}

async function checkTarball(name: string, tarball: string): Promise<void> {
  const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const args = [attw, tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'];
  await run(process.execPath, args, root).catch((error: Error) =>
    check(false, `${name}: ${error.message}`),
  );
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
  await step('bump core, publish again', async () => {
    addPatch(copy, '@mmu-notifier/core');
    checkBumped(copy, '@mmu-notifier/core', first, await release(copy));
  });
  const manifests = [...publicPackages(copy).values()];
  const versions = manifests.map(({ name, version }) => `${name}@${version}`);
  console.log(`    ${versions.join(' ')}`);
  await step('what is in the tarballs, and are the types right (attw)', async () => {
    const tarballs = [...(await packAll(copy, join(scratch, 'tarballs')))];
    // Two at a time: each is a process of its own.
    const next = async (): Promise<void> => {
      for (let given = tarballs.pop(); given !== undefined; given = tarballs.pop()) {
        await checkTarball(...given);
      }
    };
    await Promise.all([next(), next()]);
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
