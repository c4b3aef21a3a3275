/** Results as tables: a row for each contender and row label, a column for each column label. */
import Table from 'cli-table3';
import type { CaseResult, ContenderResult, Neighbours, Report, SectionResult } from './runner.ts';

/** Marks of verdicts, after the ratio. */
const MARKS = { faster: '+', slower: '-', 'cannot tell': '~' } as const;

export const LEGEND =
  'Nanoseconds an operation, median; in brackets how many times faster than the first contender of the row, + faster, - slower, ~ cannot tell.';

/** The cells of a section: a header, then one row for each row label and contender. */
export function cellsOf({ cases }: SectionResult): string[][] {
  const columns = [...new Set(cases.map(({ column }) => column))];
  const rows: string[][] = [['', '', ...columns]];
  for (const row of new Set(cases.map(({ row }) => row))) {
    const inRow = cases.filter((one) => one.row === row);
    const names = new Set(inRow.flatMap(({ contenders }) => contenders.map(({ name }) => name)));
    let label = row;
    for (const name of names) {
      rows.push([label, name, ...columns.map((column) => cellOf(inRow, column, name))]);
      label = '';
    }
  }
  return rows;
}

function cellOf(cases: readonly CaseResult[], column: string, name: string): string {
  const contender = cases
    .find((one) => one.column === column)
    ?.contenders.find((contender) => contender.name === name);
  return contender === undefined ? '' : format(contender);
}

function format({ time, ratio, verdict }: ContenderResult): string {
  const nanoseconds =
    time.median < 100 ? time.median.toFixed(1) : Math.round(time.median).toLocaleString('en');
  if (ratio === undefined || verdict === undefined) return nanoseconds;
  return `${nanoseconds} (${ratio.median.toFixed(2)} ${MARKS[verdict]})`;
}

/** For a terminal. */
export function printSection(section: SectionResult): string {
  const [head = [], ...rows] = cellsOf(section);
  const table = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: ['right', 'left', ...head.slice(2).map(() => 'right' as const)],
  });
  table.push(...rows);
  return [
    `${section.title}\n`,
    table.toString(),
    ...remarksOf(section).map((remark) => `  ${remark}`),
  ].join('\n');
}

/** For a README. */
export function markdownOf(report: Report, section: SectionResult): string {
  const [head = [], ...rows] = cellsOf(section);
  return [
    markdownRow(head),
    markdownRow(head.map((_, k) => (k < 2 ? '---' : '--:'))),
    ...rows.map(markdownRow),
    '',
    ...remarksOf(section).map((remark) => `- ${remark}`),
    `- ${machineLine(report)}`,
  ].join('\n');
}

export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** The machine and the level of a run, in one line. */
export function machineLine({ machine, level }: Report): string {
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, governor ${machine.governor}, load ${machine.load} before`,
    `Node ${machine.node}, V8 ${machine.v8}`,
    `commit ${machine.commit}, ${machine.date}, ${level} run`,
  ].join('; ');
}

function remarksOf({ notes, facts, excluded, neighbours }: SectionResult): string[] {
  return [
    ...notes,
    ...excluded.map(({ contender, reason }) => `${contender}: ${reason}`),
    ...Object.entries(facts).map(([name, value]) => `${name}: ${value}`),
    ...(neighbours === undefined ? [] : [remarkOn(neighbours)]),
  ];
}

function remarkOn({ observations, repeated, disturbed }: Neighbours): string {
  return `busy neighbours on the same core: ${observations} observations, ${repeated} made again, ${disturbed} disturbed at the last attempt too`;
}
