/** Writes the mutation tester's results into the kit's README. `npm run mutate` calls it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './patch.ts';
import { packages, type Result } from './results.ts';

const readme = join(root, 'packages/lab/conformance/README.md');

export function writeReport(): void {
  const rows: string[] = [];
  const survivors: string[] = [];
  for (const name of Object.keys(packages)) {
    const file = join(import.meta.dirname, `../results/${name}.json`);
    if (!existsSync(file) || !existsSync(file.replace('.json', '.count.json'))) continue;
    const results = JSON.parse(readFileSync(file, 'utf8')) as Result[];
    const counts = readFileSync(file.replace('.json', '.count.json'), 'utf8');
    const { changes } = JSON.parse(counts) as { changes: number };
    const alive = results.filter(({ killer }) => killer === null);
    const byOwn = results.filter(({ killer }) => killer === 'own tests').length;
    const killed = results.length - alive.length;
    const score = ((100 * killed) / results.length).toFixed(0);
    rows.push(
      `| ${name} | ${changes} | ${results.length} | ${killed - byOwn} | ${byOwn} | ${alive.length} | ${score} % |`,
    );
    for (const { id, reason } of alive) {
      survivors.push(`- \`${id.replaceAll('`', "'")}\`: ${reason ?? 'not looked at yet'}`);
    }
  }
  const text = [
    'A sample of the changes that there are, by seed, and a small one: the score of the whole is not known. A case that says nothing for',
    '30 seconds counts as having noticed. What survives counts against the score, equivalent or not.',
    '',
    '| package | changes | tried | killed by a key | by own tests only | survive | score |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    ...(survivors.length === 0 ? [] : ['', 'Survivors:', '', ...survivors]),
  ].join('\n');
  const before = readFileSync(readme, 'utf8');
  const after = before.replace(
    /<!-- mutation -->[\s\S]*<!-- \/mutation -->/,
    () => `<!-- mutation -->\n${text}\n<!-- /mutation -->`,
  );
  writeFileSync(readme, after);
}
