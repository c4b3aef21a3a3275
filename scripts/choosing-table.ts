/** Writes the table of the strategies' traits into docs/choosing.md, between its markers. `--check` only compares. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contenders } from '../apps/harness/src/strategies.ts';

const path = join(import.meta.dirname, '../docs/choosing.md');
const markers = /(<!-- traits -->\n)[\s\S]*?(<!-- \/traits -->)/;

const scopes = {
  subscription: 'sections that hit it',
  'address-space': 'any section',
  none: 'never',
} as const;

/** The document, with the table as the packages say it now. */
export function withTable(text: string): string {
  const rows = contenders
    .filter(({ strategy }) => strategy.name !== 'none')
    .map(({ label, traits }) => [
      `\`${label}\``,
      traits.summary,
      traits.correct ? 'yes' : 'no',
      scopes[traits.retryScope],
      traits.filtersByRange ? 'those it hits' : 'everybody',
      traits.subscribeWaits ? 'waits' : 'at once',
      traits.modes.includes('shared-memory') ? 'threads' : 'one event loop',
      traits.knownRaces.map(({ id }) => id).join(' '),
    ]);
  const head = [
    '',
    'how',
    'never stale',
    'a read is refused by',
    'a section calls',
    'subscribing',
    'for',
    'known defects',
  ];
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return text.replace(
    markers,
    (_all, open: string, close: string) => `${open}${lines.join('\n')}\n${close}`,
  );
}

if (process.argv[1] === import.meta.filename) {
  const text = readFileSync(path, 'utf8');
  const updated = withTable(text);
  if (!process.argv.includes('--check')) writeFileSync(path, updated);
  else if (updated !== text) {
    console.error(
      'docs/choosing.md: expected the table that `npm run docs:choosing` writes, got another',
    );
    process.exitCode = 1;
  }
}
