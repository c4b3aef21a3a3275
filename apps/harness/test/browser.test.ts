/** The stress run in headless Chromium, with shared memory and without. MMN_SECONDS makes it longer. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrowserStress } from '../src/stress/browser.ts';

const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const seconds = Number(process.env['MMN_SECONDS'] ?? 2);
const root = join(import.meta.dirname, '../../..');
const isolating = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

describe('stress in Chromium', { timeout: 120_000 }, () => {
  let browser: Browser;
  const servers: ViteDevServer[] = [];

  beforeAll(async () => {
    if (!existsSync(chromiumPath)) {
      throw new Error(
        `expected Chromium at ${chromiumPath} (apt-get install chromium, or set CHROMIUM)`,
      );
    }
    const quiet = ['quic', 'background-networking', 'component-update', 'sync'];
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox', ...quiet.map((what) => `--disable-${what}`)],
    });
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all(servers.map((server) => server.close()));
  });

  async function run(headers: Record<string, string>, query: string): Promise<BrowserStress> {
    const server = await createServer({
      root,
      configFile: false,
      logLevel: 'error',
      resolve: { conditions: ['@mmu-notifier/source', 'module', 'browser'] },
      server: { port: 0, hmr: false, watch: null, headers },
      optimizeDeps: { include: ['interval-tree-1d'], entries: ['apps/harness/src/stress/*.ts'] },
      cacheDir: join(root, 'node_modules/.vite-harness'),
    });
    servers.push(server);
    await server.listen();
    const page = await browser.newPage();
    const url = new URL(
      `apps/harness/test/browser/index.html?${query}`,
      server.resolvedUrls!.local[0],
    );
    await page.goto(url.href);
    await page.waitForFunction('globalThis.stress !== undefined', undefined, { timeout: 60_000 });
    const result = (await page.evaluate('globalThis.stress')) as BrowserStress;
    await page.close();
    return result;
  }

  test.each(['interval', 'interval:scoped'])(
    '[S1] [R2] %s on workers serves no stale entry',
    async (strategy) => {
      const { report, refusal } = await run(isolating, `strategy=${strategy}&seconds=${seconds}`);
      expect(refusal).toBe(undefined);
      expect(report.rounds.flatMap(({ errors }) => errors)).toEqual([]);
      expect(report.counts.sections).toBeGreaterThan(0);
      expect(report.counts.faults).toBeGreaterThan(0);
      expect(report.counts.staleReads).toBe(0);
    },
  );

  test('none is caught on workers', async () => {
    const { report } = await run(isolating, `strategy=none&seconds=1`);
    expect(report.counts.staleReads).toBeGreaterThan(0);
  });

  test('without isolation shared memory is refused clearly, and one event loop serves', async () => {
    const { report, refusal } = await run({}, `strategy=interval&seconds=1`);
    expect(refusal).toEqual({
      code: 'MMN_OPTION',
      message: expect.stringMatching(/expected SharedArrayBuffer, .*COOP and COEP.*, got none/),
    });
    expect(report.counts.sections).toBeGreaterThan(0);
    expect(report.counts.staleReads).toBe(0);
  });
});
