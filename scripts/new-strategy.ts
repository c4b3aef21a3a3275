/**
 * `npm run new-strategy -- NAME`: a new strategy that is correct from the start, since it is a copy of `reference` under another name.
 *
 * Copies packages/strategies/reference, renames it, registers it with the harness and the README's table, and writes a changeset. It
 * compiles and keeps every promise at once; what is left to do is in CONTRIBUTING.md.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

const root = process.cwd();
const template = 'packages/strategies/reference';

/** A name in the forms that it takes: `rcu-bitmap`, `rcuBitmap`, `RcuBitmap`. */
interface Names {
  readonly kebab: string;
  readonly camel: string;
  readonly pascal: string;
}

function namesOf(kebab: string): Names {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(kebab)) {
    refuse(`expected a name such as rcu-bitmap, got '${kebab}'`);
  }
  const camel = kebab.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return { kebab, camel, pascal: camel[0]!.toUpperCase() + camel.slice(1) };
}

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}

/** In code an identifier, in comments and texts a name; and what agents import is an identifier in a text. */
function renamed(source: string, { kebab, camel, pascal }: Names): string {
  const parts = /\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'|`[^`]*`|[^/'`]+|./g;
  return source
    .replaceAll(parts, (part) => {
      const isCode = !/^(\/\*|\/\/|'|`)/.test(part);
      return part.replaceAll(/\breference\b/g, isCode ? camel : kebab);
    })
    .replaceAll(/\bReference(?=[A-Z])/g, pascal)
    .replaceAll(/(nodeAgents\([^;]*?)'[a-z0-9-]+'\)/g, `$1'${camel}')`);
}

function edit(path: string, change: (text: string) => string): void {
  const file = join(root, path);
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

const names = namesOf(process.argv[2] ?? '');
const { kebab, camel } = names;
const folder = `packages/strategies/${kebab}`;
if (existsSync(join(root, folder))) refuse(`expected a new name, got ${folder}, which is there`);

cpSync(join(root, template), join(root, folder), {
  recursive: true,
  filter: (path) => !['dist', 'node_modules', 'CHANGELOG.md'].includes(basename(path)),
});
for (const path of globSync(`${folder}/{src,test}/**/*.ts`, { cwd: root })) {
  edit(path, (text) => renamed(text, names));
}
edit(`${folder}/package.json`, (text) =>
  text
    .replaceAll('/reference', `/${kebab}`)
    .replaceAll('project reference', `project ${kebab}`)
    .replace(/"description": ".*"/, `"description": "A strategy for mmu notifiers: ${kebab}"`),
);
edit(`${folder}/README.md`, (text) =>
  text
    .replaceAll(/```ts\n[\s\S]*?```/g, (fence) =>
      fence
        .replaceAll(/@mmu-notifier\/reference/g, `@mmu-notifier/${kebab}`)
        .replaceAll(/\breference\b/g, camel),
    )
    .replace('# @mmu-notifier/reference\n', `# @mmu-notifier/${kebab}\n`),
);

edit('apps/harness/src/strategies.ts', (text) =>
  text
    .replace(
      "import { UsageError } from './errors.ts';",
      `import { ${camel} } from '@mmu-notifier/${kebab}';\nimport { UsageError } from './errors.ts';`,
    )
    .replace(/(const strategies: readonly Strategy\[\] = \[[^\]]*?),?\s*\]/, `$1, ${camel}]`),
);
edit('apps/harness/package.json', (text) =>
  text.replace(
    /("@mmu-notifier\/reference": "([^"]*)",)/,
    `$1\n    "@mmu-notifier/${kebab}": "$2",`,
  ),
);
edit('README.md', (text) =>
  text.replace(
    /(\| \[`@mmu-notifier\/reference`\][^\n]*\n)/,
    `$1| [\`@mmu-notifier/${kebab}\`](${folder}) | say here what it is |\n`,
  ),
);
writeFileSync(
  join(root, `.changeset/${kebab}.md`),
  `---\n'@mmu-notifier/${kebab}': minor\n---\n\nA new strategy: ${kebab}.\n`,
);

// What `npm install` does too, so that it runs at once.
const link = join(root, 'node_modules/@mmu-notifier', kebab);
rmSync(link, { force: true });
symlinkSync(`../../${folder}`, link);
const changed = [folder, 'apps/harness/src/strategies.ts', 'apps/harness/package.json'];
execFileSync('npx', ['oxfmt', ...changed], { cwd: root, stdio: 'ignore' });

console.log(
  `${folder} keeps every promise: npx vitest run --project ${kebab}\n` +
    'Then: npm install (for the lock file), and on as CONTRIBUTING.md says.',
);
