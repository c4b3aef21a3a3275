/** The code blocks of Markdown documents: what they are, and what compiles and runs those in TypeScript. */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

/** A block between fences. */
export interface Fence {
  /** What stands behind the opening fence; empty for drawings and output. */
  readonly language: string;
  readonly code: string;
  /** From 1, of its language in its document. */
  readonly number: number;
}

/** All blocks of a document, those in lists and quotes too. */
export function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  let open: { language: string; mark: string; lines: string[] } | undefined;
  for (const line of text.split('\n')) {
    const [, mark = '', language = ''] = /^[\s>]*(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (mark !== '') open = { language: language.trim(), mark, lines: [] };
    } else if (mark.startsWith(open.mark) && language.trim() === '') {
      const { language, lines } = open;
      const number = 1 + fences.filter((other) => other.language === language).length;
      fences.push({ language, code: `${lines.join('\n')}\n`, number });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== undefined)
    throw new Error(`expected the end of a block, got none: ${open.lines[0]}`);
  return fences;
}

/** What is compiled and run; every other language needs a reason in {@link exempt}. */
export const checked = 'ts';

/** Languages that nobody compiles, and why. */
export const exempt: Readonly<Record<string, string>> = {
  '': 'drawings of interleavings, and what programs print',
  sh: 'commands, which CI runs where it can',
  diff: 'changes, shown and not taken',
};

/** A folder in the repository, so that imports find the packages, for files named by their code. */
export class FenceFolder {
  readonly path: string;

  constructor(name: string, files: ReadonlyMap<string, string>) {
    this.path = join(import.meta.dirname, name);
    mkdirSync(this.path, { recursive: true });
    for (const [file, code] of files) writeFileSync(join(this.path, file), `${code}\nexport {};\n`);
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ['*.ts', '../../packages/*/*/src/**/*.d.ts'],
    };
    writeFileSync(join(this.path, 'tsconfig.json'), JSON.stringify(config));
  }

  /** What the compiler says: nothing, if all is right. */
  async compile(): Promise<string> {
    const compiled = run('npx', ['tsc', '-p', this.path], { cwd: root });
    return compiled.then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    );
  }

  /** Runs one file. @throws the error of execFile when it fails */
  async run(file: string): Promise<void> {
    const args = ['--conditions=@mmu-notifier/source', join(this.path, file)];
    await run(process.execPath, args, { cwd: root });
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
