/** Each example runs, the naive version is seen to fail, and the right one is right. Two of them in headless Chromium. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../src/block-cache/main.ts';

const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

test('the block cache: the naive one keeps what it read before the write', async () => {
  expect(await main()).toEqual({
    inFile: 'AAAAXYZAAAAAAAAA',
    naive: 'AAAAAAAAAAAAAAAA',
    guarded: 'AAAAXYZAAAAAAAAA',
    abandoned: 'AbortError',
  });
});

describe('in Chromium', { timeout: 60_000 }, () => {
  let server: ViteDevServer;
  let browser: Browser;

  beforeAll(async () => {
    if (!existsSync(chromiumPath)) {
      throw new Error(
        `expected Chromium at ${chromiumPath} (apt-get install chromium, or set CHROMIUM)`,
      );
    }
    server = await createServer({
      root: join(import.meta.dirname, '..'),
      logLevel: 'error',
      server: { port: 0, hmr: false },
      cacheDir: join(import.meta.dirname, '../node_modules/.vite-test'),
    });
    await server.listen();
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: [
        '--no-sandbox',
        '--disable-quic',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** What a page says on both sides, once it has judged both. */
  async function open(path: string) {
    const page = await browser.newPage();
    const errors: Error[] = [];
    page.on('pageerror', (error) => errors.push(error));
    await page.goto(new URL(path, server.resolvedUrls!.local[0]).href);
    const read = async () => {
      const sides = ['naive', 'guarded'].map(async (id) => {
        const side = page.locator(`#${id}[data-verdict]`);
        const verdict = await side.getAttribute('data-verdict', { timeout: 30_000 });
        return [id, verdict, await side.locator('output').textContent()];
      });
      const shown = await Promise.all(sides);
      return { expected: await page.locator('#expected').textContent(), sides: shown, errors };
    };
    return { page, read };
  }

  test('the JIT: the naive one runs what was compiled from the old code', async () => {
    const { read } = await open('jit.html');
    const { errors, sides } = await read();
    expect(errors).toEqual([]);
    // 1001 turns of 1 + 2 + 3, the last of which patches, then 999 of 100 + 2 + 3; naively all are of the first kind.
    const right = 1001 * 6 + 999 * 105;
    expect(sides).toEqual([
      ['naive', 'wrong', String(2000 * 6)],
      ['guarded', 'right', String(right)],
    ]);
  });

  test('live queries: the naive one shows an answer that came too late', async () => {
    const { page, read } = await open('queries.html');
    expect(await read()).toEqual({
      expected: 'p:1 11, p:2 20',
      sides: [
        ['naive', 'wrong', 'p:1 10, p:2 20'],
        ['guarded', 'right', 'p:1 11, p:2 20'],
      ],
      errors: [],
    });
    await page.click('#change');
    await page.waitForFunction(
      "document.querySelector('#expected').textContent.includes('p:1 12')",
    );
    await page.waitForFunction(
      "document.querySelector('#guarded output').textContent.includes('p:1 12')",
    );
  });
});
