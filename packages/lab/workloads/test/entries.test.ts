import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { embeddedRecordingPath, embeddedRecordings } from '../src/node.ts';

const source = join(import.meta.dirname, '../src');

test('only the entry for Node.js imports from it, and nothing imports that entry', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' });
  const modules = files.filter((file) => file.endsWith('.ts') && file !== 'node.ts');
  expect(modules.length).toBeGreaterThan(10);
  const wrong = modules.filter((file) =>
    /from '(?:node:|.*\/node\.ts)|import\('/.test(readFileSync(join(source, file), 'utf8')),
  );
  expect(wrong).toEqual([]);
});

test('every embedded recording is there, and no other file', () => {
  const folder = join(import.meta.dirname, '../recordings');
  const files = embeddedRecordings.map(({ file }) => file);
  expect(readdirSync(folder).sort()).toEqual([...files, 'README.md'].sort());
  for (const { name, file } of embeddedRecordings) {
    expect(embeddedRecordingPath(name)).toBe(join(folder, file));
  }
});

test('the npm package has the recordings that are said to be published', () => {
  const { files } = JSON.parse(readFileSync(join(source, '../package.json'), 'utf8')) as {
    files: string[];
  };
  const published = embeddedRecordings.filter((recording) => recording.published);
  expect(files.filter((file) => file.startsWith('recordings/') && file.endsWith('.gz'))).toEqual(
    published.map(({ file }) => `recordings/${file}`),
  );
});

test('[MMN_WORKLOAD_UNKNOWN] lists the recordings there are', () => {
  expect(() => embeddedRecordingPath('redis')).toThrow(
    /^expected an embedded recording \(redis-bgsave, .*\), got "redis"$/,
  );
});
