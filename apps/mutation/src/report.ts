/** Writes the mutation tester's results into the kit's README, and what survives into survivors.md. `npm run mutate` calls it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './patch.ts';
import { packages, type Result } from './results.ts';

const readme = join(root, 'packages/lab/conformance/README.md');
const survivorsFile = join(import.meta.dirname, '../survivors.md');

export function writeReport(): void {
  const rows: string[] = [];
  const survivors: string[] = [];
  for (const name of Object.keys(packages)) {
    const file = join(import.meta.dirname, `../results/${name}.json`);
    if (!existsSync(file) || !existsSync(file.replace('.json', '.count.json'))) continue;
    const results = JSON.parse(readFileSync(file, 'utf8')) as Result[];
    const counts = readFileSync(file.replace('.json', '.count.json'), 'utf8');
    const { changes } = JSON.parse(counts) as { changes: number };
    rows.push(rowOf(name, changes, results));
    survivors.push(`## ${name}`, '', ...linesOf(results), '');
  }
  const text = [
    '| package | changes | tried | noticed | survive | of these equivalent | not asked of threads yet | score | 95 % interval | without equivalent ones |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    'The score is what was noticed, of what was tried: what survives counts against it, equivalent or not. Where not all were tried, they are a',
    'sample by chance, and the interval (Wilson’s, for a sample of so many) says where the score of all would be; but what survived led to new',
    'tests, so the rest is probably worse than the sample. How much worse shows a fresh one, drawn from what was not tried yet:',
    '`npm run mutate --workspace @mmu-notifier/mutation -- sync 100 SEED`.',
    'A test that does not end has noticed. [What survives, and why](../../../apps/mutation/survivors.md).',
  ].join('\n');
  const before = readFileSync(readme, 'utf8');
  const after = before.replace(
    /<!-- mutation -->[\s\S]*<!-- \/mutation -->/,
    () => `<!-- mutation -->\n${text}\n<!-- /mutation -->`,
  );
  writeFileSync(readme, after);
  const head =
    '# What survives the mutation tester\n\nWritten by `npm run mutate`; the reasons by hand, into results/*.json.\n\n';
  writeFileSync(survivorsFile, head + survivors.join('\n'));
}

function rowOf(name: string, changes: number, results: readonly Result[]): string {
  const alive = results.filter(({ killer }) => killer === null);
  const equivalent = alive.filter(({ reason }) => reason?.startsWith('equivalent'));
  const unasked = alive.filter(({ isOpen, reason }) => isOpen && reason === undefined);
  const tried = results.length;
  const noticed = tried - alive.length;
  const isWhole = tried >= changes;
  const [low, high] = interval95({ of: tried, hits: noticed, population: changes });
  const columns = [
    name,
    changes,
    isWhole ? 'all' : tried,
    noticed,
    alive.length,
    equivalent.length,
    unasked.length,
    percent(noticed / tried),
    isWhole ? 'is exact' : `${percent(low)} to ${percent(high)}`,
    percent(noticed / (tried - equivalent.length)),
  ];
  return `| ${columns.join(' | ')} |`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

/** Wilson's interval of a part, for a sample without replacement: the more of the population it is, the surer it is. */
export function interval95(counts: {
  of: number;
  hits: number;
  population: number;
}): [low: number, high: number] {
  const { of, hits, population } = counts;
  if (of >= population) return [hits / of, hits / of];
  const n = (of * (population - 1)) / (population - of);
  const z2 = 1.96 ** 2;
  const part = hits / of;
  const middle = (part + z2 / (2 * n)) / (1 + z2 / n);
  const half = Math.sqrt(z2 * ((part * (1 - part)) / n + z2 / (4 * n * n))) / (1 + z2 / n);
  return [middle - half, Math.min(1, middle + half)];
}

function linesOf(results: readonly Result[]): string[] {
  return results
    .filter(({ killer }) => killer === null)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, reason, isOpen }) => {
      const why =
        reason ??
        (isOpen ? 'tests of threads and processes have not been asked' : 'not looked at yet');
      return `- \`${id.replaceAll('`', "'").replaceAll(/\s+/g, ' ')}\`: ${why}`;
    });
}
