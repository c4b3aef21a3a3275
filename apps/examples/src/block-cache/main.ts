/**
 * A cache of a file's decoded blocks, while another thread writes to the file. `npm run block-cache`.
 *
 *     writer                               cache
 *     ------------------------------------ ------------------------------------
 *                                          reads the block's bytes
 *     "I will write [start, end)"
 *                                          starts the section, tears down; "go"
 *     writes; "I did"
 *                                          ends the section
 *                                          has decoded what it read
 *     Required: what was decoded of the old bytes is not kept.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { styleText } from 'node:util';
import { Worker } from 'node:worker_threads';
import { openSection } from '@mmu-notifier/core';
import { createDerivedCache } from '@mmu-notifier/derived';
import { interval } from '@mmu-notifier/interval';
import { blockBytes, NaiveCache, readBlock } from './blocks.ts';
import type { Write } from './writer.worker.ts';

/** What each cache served after the write, and what is in the file. */
export interface Outcome {
  readonly inFile: string;
  readonly naive: string;
  readonly guarded: string;
  /** What a reader got who gave up while a block was being decoded. */
  readonly abandoned: string;
}

/** Runs the example once. */
export async function main(): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-blocks-'));
  const path = join(folder, 'blocks');
  writeFileSync(path, 'a'.repeat(8 * blockBytes));
  const writer = new Worker(new URL('./writer.worker.ts', import.meta.url), {
    workerData: { path },
    execArgv: ['--conditions=@mmu-notifier/source'],
  });
  try {
    return await compare(path, writer);
  } finally {
    await writer.terminate();
    rmSync(folder, { recursive: true });
  }
}

async function compare(path: string, writer: Worker): Promise<Outcome> {
  // Decoding takes until the write is over, the first time; what is read in it is then old.
  const written = Promise.withResolvers<void>();
  const decode = async (bytes: Buffer): Promise<string> => {
    await written.promise;
    return bytes.toString('latin1').toUpperCase();
  };
  const bothHaveRead = Promise.withResolvers<void>();
  let reads = 0;
  const load = async (block: number): Promise<string> => {
    const bytes = await readBlock(path, block);
    if (++reads === 2) bothHaveRead.resolve();
    return decode(bytes);
  };
  const naive = new NaiveCache(load);
  const notifier = interval.create();
  await using guarded = createDerivedCache(notifier, {
    async build(block: number, reading) {
      await reading.add({ start: block * blockBytes, end: (block + 1) * blockBytes });
      return load(block);
    },
  });
  const beginning = [naive.get(2), guarded.get(2)];
  await bothHaveRead.promise;

  const impatient = new AbortController();
  const abandoned = guarded
    .get(5, { signal: impatient.signal })
    .catch((error: Error) => error.name);
  impatient.abort();

  const write: Write = { start: 2 * blockBytes + 4, text: 'xyz' };
  writer.postMessage(write);
  const [will] = (await once(writer, 'message')) as [{ start: number; end: number }];
  {
    await using _section = await openSection(notifier, will);
    naive.drop(will.start, will.end);
    writer.postMessage('go');
    await once(writer, 'message');
    naive.drop(will.start, will.end); // once more does not help
  }
  written.resolve();
  await Promise.all(beginning);
  return {
    inFile: (await readBlock(path, 2)).toString('latin1').toUpperCase(),
    naive: await naive.get(2),
    guarded: await guarded.get(2),
    abandoned: await abandoned,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { inFile, naive, guarded, abandoned } = await main();
  const judge = (served: string): string =>
    served === inFile ? styleText('green', 'right') : styleText('red', 'stale');
  console.log(`in the file       ${inFile}`);
  console.log(`the naive cache   ${naive}  ${judge(naive)}`);
  console.log(`with a notifier   ${guarded}  ${judge(guarded)}`);
  console.log(`who gave up got   ${abandoned}`);
}
