/** What the tree's own README quotes of the section of the trees: how many times faster, and nothing else. */
import { OURS } from './tree/contenders.ts';
import type { CaseResult, Report, SectionResult } from './runner.ts';
import { machineLine, markdownRow } from './table.ts';

/** Ours in an ArrayBuffer against C, a row for each size; and against the fastest peer. */
export function ratiosOf(report: Report, { cases }: SectionResult): string {
  const inC = cases.filter(({ contenders }) => contenders[0]?.name === 'C');
  const columns = [...new Set(inC.map(({ column }) => column))];
  const rows = [...new Set(inC.map(({ row }) => row))];
  const peers = cases.filter(({ row }) => row.endsWith('peers'));
  const lines = [
    ...(rows.length === 0
      ? []
      : [
          'How many times faster than the tree in C, median over rounds; below 1 it is slower.',
          '',
          markdownRow(['', ...columns]),
          markdownRow(['---', ...columns.map(() => '--:')]),
          ...rows.map((row) =>
            markdownRow([row, ...columns.map((column) => ratioIn(inC, row, column))]),
          ),
          '',
        ]),
    ...peers.map(
      (one) =>
        `- ${one.row}: ${timesTheBest(one).toFixed(0)} times faster than the fastest one from npm that inserts, removes and answers rightly`,
    ),
    `- ${machineLine(report)}`,
  ];
  return lines.join('\n');
}

function ratioIn(cases: readonly CaseResult[], row: string, column: string): string {
  const ratio = cases
    .find((one) => one.row === row && one.column === column)
    ?.contenders.find(({ name }) => name === OURS[0])?.ratio;
  return ratio === undefined ? '' : ratio.median.toFixed(2);
}

/** Peers are compared with ours, the baseline: the largest ratio is the fastest one's. */
function timesTheBest({ contenders }: CaseResult): number {
  return 1 / Math.max(...contenders.map(({ ratio }) => ratio?.median ?? 0));
}
