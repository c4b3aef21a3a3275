import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseArgs } from '../src/arguments.ts';

const parse = (...args: string[]): ReturnType<typeof parseArgs> =>
  parseArgs(['node', 'bench', ...args]);

function namesOf(...args: string[]): string[] {
  const options = parse(...args);
  if (typeof options === 'number') throw new Error(`exit code ${options}`);
  return options.sections.map(({ name }) => name);
}

describe('parseArgs', () => {
  const complain = vi.fn<(line: string) => void>();
  beforeEach(() => {
    complain.mockReset();
    vi.spyOn(console, 'error').mockImplementation(complain);
  });
  afterEach(() => vi.restoreAllMocks());

  it('asks for the short comparison of everything when nothing is said', () => {
    expect(parse()).toMatchObject({ level: 'short', record: false });
  });

  it('leaves wasm out of the short comparison, but not when it is asked for', () => {
    expect(namesOf()).not.toContain('wasm');
    expect(namesOf('--full')).toEqual([...namesOf(), 'wasm']);
    expect(namesOf('--smoke')).toEqual(namesOf('--full'));
    expect(namesOf('--only', 'wasm')).toEqual(['wasm']);
    expect(parse('--only', 'wasm')).toMatchObject({ level: 'alone' });
    expect(parse('--only', 'wasm', '--full')).toMatchObject({ level: 'full' });
  });

  it('takes a level, a section and files', () => {
    expect(parse('--full', '--only', 'tree', '--json', 'a.json', '--record')).toMatchObject({
      level: 'full',
      sections: [{ name: 'tree' }],
      json: 'a.json',
      record: true,
    });
    expect(parse('--smoke')).toMatchObject({ level: 'smoke' });
  });

  it.each([
    [['--only', 'nothing'], /expected one of tree.* after --only, got nothing/],
    [['--only'], /--only <name>' argument missing/],
    [['--smoke', '--full'], /expected --smoke or --full, got both/],
    [['--frobnicate'], /unknown option '--frobnicate'/],
    [['word'], /too many arguments/],
    [['--json', 'no/such/folder/a.json'], /no folder no\/such\/folder/],
  ])('returns 2 after one line when %j is asked for', (args, message) => {
    expect(parse(...args)).toBe(2);
    expect(complain).toHaveBeenCalledTimes(1);
    expect(complain.mock.calls[0]?.[0]).toMatch(message);
    expect(complain.mock.calls[0]?.[0]).not.toContain('\n');
  });
});
