/** Keys, titles, comments and KEYS.md agree. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue, conditions } from '@mmu-notifier/conformance';
import { describe, expect, it } from 'vitest';
import { kernelSet, keysDocument, ownKeys } from './keys-document.ts';

const root = join(import.meta.dirname, '../../../..');
const keys = catalogue.map(({ key }) => key);
const known = new Set([...keys, ...ownKeys.map(({ key }) => key), ...Object.keys(kernelSet)]);
const quoted = /\[((?:[A-Z]\d+|[A-Z]{3,})(?:\.[a-z-]+)?|K-[SL]\d+)\]/g;
/** Words in brackets that are no keys: type indexes, constants. */
const isKeyLike = (text: string): boolean => /^[SRQDUMNEFPCALTO]\d|\.|^K-/.test(text);

describe('the catalogue', () => {
  it('is KEYS.md', async () => {
    await expect(keysDocument()).toMatchFileSnapshot('../KEYS.md');
  });

  it('has each key once, in a form that titles and tables can carry', () => {
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).toMatch(/^([A-Z]\d+|[A-Z]{3,}(?=\.))(\.[a-z-]+)?$/);
    for (const { promise } of catalogue) expect(promise).toMatch(/^[a-z][^|[\]]+[^.]$/);
  });

  it('shows the absence of each trait too', () => {
    const used = new Set(catalogue.map(({ when }) => when));
    const unused = Object.keys(conditions).filter((each) => !used.has(each as never));
    expect(unused).toEqual([]);
  });

  it('has a key for each id of the kernel’s own assertions that it says it shows', () => {
    for (const [, by] of Object.values(kernelSet)) {
      for (const [key] of by.matchAll(/\b[A-Z]+\d*(\.[a-z-]+)?(?=,|$)/g))
        expect(known).toContain(key);
    }
  });
});

describe('keys in the repository', () => {
  const sources = globSync('packages/{strategies,lab}/*/src/**/*.ts', { cwd: root });

  it('that comments of strategies and of the laboratory quote are in the table', () => {
    const strange = sources.flatMap((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return text
        .split('\n')
        .filter((line) => /^\s*(\*|\/\/|\/\*)|\/\/ .*\[/.test(line))
        .flatMap((line) => [...line.matchAll(quoted)].map(([, key]) => key!))
        .filter((key) => isKeyLike(key) && !known.has(key))
        .map((key) => `${path}: [${key}]`);
    });
    expect(strange).toEqual([]);
  });

  it('that titles of tests of strategies begin with are in the table', () => {
    const tests = globSync('packages/strategies/*/test/**/*.test.ts', { cwd: root });
    const strange = tests.flatMap((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return [...text.matchAll(/['`](\[[^\]]+\](?: \[[^\]]+\])*) /g)]
        .flatMap(([, heads]) => [...heads!.matchAll(quoted)].map(([, key]) => key!))
        .filter((key) => isKeyLike(key) && !known.has(key))
        .map((key) => `${path}: [${key}]`);
    });
    expect(strange).toEqual([]);
  });

  it('that only own tests can show are shown there', () => {
    for (const strategy of ['interval', 'hlist-srcu']) {
      const tests = globSync(`packages/strategies/${strategy}/test/*.test.ts`, { cwd: root });
      const all = tests.map((path) => readFileSync(join(root, path), 'utf8')).join('');
      for (const { key } of ownKeys) expect(all).toContain(`[${key}]`);
    }
  });
});
