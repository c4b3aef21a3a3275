/** Bundles what was published, as Vite does: how large it is, and whether it runs in a browser. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { build, preview, type InlineConfig, type Rolldown } from 'vite';
import { check } from './shared.ts';

/** Where Debian's package puts it. */
const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** What people ship, and how large it may be, minified and gzipped. */
const bundles = [
  {
    what: 'the retry loop alone',
    code: "export { collisionRetry } from '@mmu-notifier/core';",
    bytesMax: 1_000,
  },
  {
    what: 'interval with all it needs',
    code: `export { interval } from '@mmu-notifier/interval';
export { changeRange, collisionRetry } from '@mmu-notifier/core';`,
    bytesMax: 8_000,
  },
  {
    what: 'interval for threads with all it needs',
    code: `export { interval } from '@mmu-notifier/interval/shared';
export { changeRange, collisionRetry } from '@mmu-notifier/core';`,
    bytesMax: 16_200,
  },
  {
    what: 'interval and the derived cache',
    code: `export { interval } from '@mmu-notifier/interval';
export { createDerivedCache } from '@mmu-notifier/derived';
export { changeRange } from '@mmu-notifier/core';`,
    bytesMax: 10_000,
  },
];

/** Prints the sizes and checks their bounds. `folder` has the packages installed. */
export async function checkSizes(folder: string): Promise<void> {
  for (const [at, { what, code, bytesMax }] of bundles.entries()) {
    const entry = join(folder, `bundle-${at}.js`);
    writeFileSync(entry, code);
    const config: InlineConfig = {
      root: folder,
      configFile: false,
      logLevel: 'error',
      build: {
        write: false,
        target: 'es2022',
        minify: true,
        lib: { entry, formats: ['es'], fileName: 'bundle' },
        rolldownOptions: { output: { minify: true } },
      },
    };
    const built = (await build(config)) as Rolldown.RolldownOutput | Rolldown.RolldownOutput[];
    const output = Array.isArray(built) ? built[0]! : built;
    const text = output.output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('');
    const bytes = gzipSync(text, { level: 9 }).length;
    console.log(
      `    ${what}: ${text.length} bytes minified, ${bytes} gzipped (at most ${bytesMax})`,
    );
    check(bytes <= bytesMax, `${what}: expected at most ${bytesMax} bytes gzipped, got ${bytes}`);
  }
}

/** A page built by Vite, in headless Chromium. */
export async function checkInBrowser(folder: string): Promise<void> {
  if (!existsSync(chromiumPath)) {
    check(false, `expected Chromium at ${chromiumPath} (or where CHROMIUM says), got nothing`);
    return;
  }
  const site = join(folder, 'site');
  mkdirSync(site, { recursive: true });
  writeFileSync(join(site, 'index.html'), '<script type="module" src="/main.js"></script>');
  writeFileSync(
    join(site, 'main.js'),
    `import { changeRange, collisionRetry } from '@mmu-notifier/core';
import { createDerivedCache } from '@mmu-notifier/derived';
import { interval } from '@mmu-notifier/interval';
import { interval as shared } from '@mmu-notifier/interval/shared';
async function main() {
  const memory = crossOriginIsolated ? new SharedArrayBuffer(shared.byteLength(8)) : undefined;
  shared.create(memory && { memory, capacity: 8 });
  const notifier = interval.create();
  let source = 1;
  const cache = createDerivedCache(notifier, {
    async build(at, reading) {
      await reading.add({ start: at, end: at + 1 });
      return source;
    },
  });
  await cache.get(0);
  const building = cache.get(1);
  await changeRange(notifier, { start: 0, end: 8 }, () => (source = 2));
  return [typeof collisionRetry, memory !== undefined, await building, cache.peek(0)].join();
}
main().then((said) => (document.title = said), (error) => (document.title = 'failed: ' + error));`,
  );
  const headers = {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  };
  const config: InlineConfig = {
    root: site,
    configFile: false,
    logLevel: 'error',
    preview: { headers },
  };
  await build(config);
  const server = await preview(config);
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  try {
    const page = await browser.newPage();
    await page.goto(server.resolvedUrls!.local[0]!);
    await page.waitForFunction("document.title !== ''");
    const title = await page.title();
    check(title === 'function,true,2,', `in Chromium: expected 'function,true,2,', got '${title}'`);
  } finally {
    await browser.close();
    await server.close();
  }
}
