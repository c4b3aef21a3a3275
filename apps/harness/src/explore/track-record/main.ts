/**
 * `npm run track-record`: earns every row and writes the documents; with ids, only those rows. `-- --check`: does again
 * what is recorded, and says what differs, exit code 1.
 *
 * What runs on shared memory comes last: see explore-command.ts.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { documents, type Records } from './document.ts';
import { earn, earnAgain, NotEarned, type Earned } from './earn.ts';
import type { Entry, Shown } from './entry.ts';
import { groups } from './groups.ts';
import type { Speed } from './speed.ts';

type ShownEntry = Entry & { readonly shown: Shown };

const docs = new URL('../../../../../docs/', import.meta.url);
const recordsFile = new URL('records.json', import.meta.url);

const isShown = (entry: Entry): entry is ShownEntry => entry.shown !== undefined;
const entries = groups.flatMap((group) => group.entries);
const shownEntries = entries
  .filter(isShown)
  .toSorted((a, b) => Number(isShared(a)) - Number(isShared(b)));

function isShared({ shown }: ShownEntry): boolean {
  return shown.mode === 'shared-memory';
}

function readRecords(): Records {
  try {
    return JSON.parse(readFileSync(recordsFile, 'utf8')) as Records;
  } catch {
    return {};
  }
}

const readSpeed = (): Speed =>
  JSON.parse(readFileSync(new URL('speed.json', import.meta.url), 'utf8')) as Speed;

async function write(ids: readonly string[]): Promise<string[]> {
  const former = readRecords();
  const records: Record<string, Earned> = {};
  const failures: string[] = [];
  for (const entry of shownEntries) {
    const { id, shown } = entry;
    const kept = former[id];
    if (ids.length > 0 && !ids.includes(id)) {
      if (kept !== undefined) records[id] = kept;
      continue;
    }
    try {
      records[id] = await earn(entry, shown);
      console.log(`${id}: ${records[id].message}`);
      // At each row: an interruption loses none. The documents follow when all is done.
      writeFileSync(
        recordsFile,
        `${JSON.stringify(inOrder({ ...former, ...records }), null, 2)}\n`,
      );
    } catch (error) {
      if (!(error instanceof NotEarned)) throw error;
      fail(failures, error.message);
      if (kept !== undefined) records[id] = kept;
    }
  }
  const sorted = inOrder(records);
  writeFileSync(recordsFile, `${JSON.stringify(sorted, null, 2)}\n`);
  rmSync(new URL('races', docs), { recursive: true, force: true });
  mkdirSync(new URL('races', docs), { recursive: true });
  for (const [path, text] of documents(groups, sorted, readSpeed()))
    writeFileSync(new URL(path, docs), text);
  return failures;
}

function inOrder(records: Records): Records {
  return Object.fromEntries(
    entries.flatMap(({ id }) => (records[id] === undefined ? [] : [[id, records[id]]])),
  );
}

/** Said at once: an interruption loses no failure. */
function fail(failures: string[], message: string): void {
  console.error(message);
  failures.push(message);
}

async function check(): Promise<string[]> {
  const records = readRecords();
  const failures: string[] = [];
  for (const entry of shownEntries) {
    const recorded = records[entry.id];
    try {
      if (recorded === undefined) throw new NotEarned(`${entry.id}: nothing is recorded`);
      await earnAgain(entry, entry.shown, recorded);
    } catch (error) {
      fail(failures, error instanceof NotEarned ? error.message : `${entry.id}: ${String(error)}`);
    }
  }
  const expected = documents(groups, records, readSpeed());
  for (const [path, text] of expected) {
    const file = fileURLToPath(new URL(path, docs));
    if (readIfThere(file) !== text) fail(failures, `docs/${path} is not what the script writes`);
  }
  const pages = readdirSync(new URL('races/', docs)).filter(
    (name) => !expected.has(`races/${name}`),
  );
  for (const name of pages) fail(failures, `docs/races/${name} belongs to no row`);
  return failures;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

const [first, ...rest] = process.argv.slice(2);
const isCheck = first === '--check';
const startMs = performance.now();
const failures = await (isCheck ? check() : write(first === undefined ? [] : [first, ...rest]));
if (isCheck && failures.length > 0) {
  console.error('If the change is meant: npm run track-record -- ID … records these rows again.');
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
console.log(
  `${shownEntries.length - failures.length} of ${shownEntries.length} rows ${isCheck ? 'as recorded' : 'earned'}, ${seconds} s`,
);
process.exit(failures.length === 0 ? 0 : 1);
