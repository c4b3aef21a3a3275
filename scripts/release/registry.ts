/** A registry of our own on this machine, for as long as the check runs: nothing leaves it, nothing comes from outside. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from './shared.ts';

/** A registry that runs. */
export interface Registry {
  readonly url: string;
  /** The settings by which npm takes our scope from it, and publishes to it. */
  readonly npmrc: string;
  stop(): void;
}

/** Starts verdaccio on a free port; it keeps what is published below `folder`. */
export async function startRegistry(folder: string): Promise<Registry> {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'verdaccio.yaml');
  writeFileSync(
    config, // JSON is YAML, too
    JSON.stringify({
      storage: join(folder, 'storage'),
      packages: { '@mmu-notifier/*': { access: '$all', publish: '$anonymous' } },
      log: { type: 'stdout', level: 'error' },
      web: { enable: false },
    }),
  );
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const server = spawn(
    process.execPath,
    [join(root, 'node_modules/verdaccio/bin/verdaccio'), '--config', config, '--listen', host],
    { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] },
  );
  const url = `http://${host}/`;
  await untilItAnswers(url, server);
  return {
    url,
    npmrc: `@mmu-notifier:registry=${url}\n//${host}/:_authToken=anybody\nfund=false\naudit=false\nupdate-notifier=false\n`,
    stop: () => void server.kill(),
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function untilItAnswers(url: string, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (server.exitCode !== null) break;
    const answer = await fetch(`${url}-/ping`).catch(() => undefined);
    if (answer?.ok === true) return;
    await delay(100);
  }
  server.kill();
  throw new Error('expected the registry to answer within 30 s, got nothing');
}
