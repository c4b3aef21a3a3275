/**
 * A strategy with one change in its source: what a defect would be that the shipped code never had. The package's source is
 * copied beside a link to the repository's modules, changed, and imported.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Strategy } from '@mmu-notifier/core';
import type { Contender } from '../../strategies.ts';

/** The change. */
export interface Mutant {
  /** Folder of the package. */
  readonly package: string;
  /** What it exports the strategy as. */
  readonly exportName: string;
  /** In `src`. */
  readonly file: string;
  /** Found exactly once. */
  readonly find: string;
  readonly replace: string;
}

const root = fileURLToPath(new URL('../../../../../', import.meta.url));

/** Makes it. @throws Error when the source is no longer as the change expects */
export async function mutate(label: string, mutant: Mutant): Promise<Contender> {
  const folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-mutant-'));
  try {
    cpSync(join(root, mutant.package, 'src'), join(folder, 'src'), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const file = join(folder, 'src', mutant.file);
    const source = readFileSync(file, 'utf8');
    if (source.split(mutant.find).length !== 2) {
      throw new Error(`expected ${mutant.file} to have '${mutant.find}' once`);
    }
    writeFileSync(
      file,
      source.replace(mutant.find, () => mutant.replace),
    );
    const url = pathToFileURL(join(folder, 'src', 'index.ts')).href;
    const module = (await import(url)) as Record<string, Strategy>;
    const strategy = module[mutant.exportName]!;
    const variant = strategy.variants[0]!;
    return { label, strategy, variant, traits: strategy.traits() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
