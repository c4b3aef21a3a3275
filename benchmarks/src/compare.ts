/** This run against an earlier one: what has become faster or slower by more than both intervals allow, and whether the verdicts are the same. */
import { readFileSync } from 'node:fs';
import { COVERAGE_MIN, MARGIN, type Estimate, type Verdict } from './method.ts';
import type { CaseResult, ContenderResult, Report } from './runner.ts';

export class NotAReportError extends Error {}

export function readReport(file: string): Report {
  let report: Partial<Report>;
  try {
    report = JSON.parse(readFileSync(file, 'utf8')) as Partial<Report>;
  } catch (error) {
    throw new NotAReportError(
      `expected a report written by --json, cannot read ${file}: ${messageOf(error)}`,
    );
  }
  if (report.schema !== 'mmu-notifier-bench/1') {
    throw new NotAReportError(
      `expected a report with schema mmu-notifier-bench/1 in ${file}, got ${String(report.schema)}`,
    );
  }
  return report as Report;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export interface Comparison {
  /** One line for each contender of a case that both runs have. */
  times: string[];
  /** One line for each verdict that is another one now. */
  changed: string[];
  /** One line for each that one run reached and the other did not, where both can be right. */
  undecided: string[];
  /** Verdicts that were compared. */
  verdicts: number;
}

export function compareReports(before: Report, now: Report): Comparison {
  const comparison: Comparison = { times: [], changed: [], undecided: [], verdicts: 0 };
  const earlier = flatten(before);
  for (const [key, { one, contender }] of flatten(now)) {
    const old = earlier.get(key);
    if (old === undefined) continue;
    if (old.one.hash !== one.hash) {
      comparison.times.push(
        `${key}: other work than before (hash ${old.one.hash}, now ${one.hash})`,
      );
      continue;
    }
    comparison.times.push(`${key}: ${changeOfTime(old.contender.time, contender.time)}`);
    compareVerdicts(comparison, key, old.contender, contender);
  }
  return comparison;
}

function changeOfTime(was: Estimate, is: Estimate): string {
  return `${was.median.toFixed(1)} ns → ${is.median.toFixed(1)} ns, ${verdictOfTimes(was, is)}`;
}

function verdictOfTimes(was: Estimate, is: Estimate): Verdict {
  if (Math.min(was.coverage, is.coverage) < COVERAGE_MIN) return 'cannot tell';
  if (is.high < was.low * (1 - MARGIN)) return 'faster';
  if (is.low > was.high * (1 + MARGIN)) return 'slower';
  return 'cannot tell';
}

/** "Cannot tell" is no verdict: it contradicts one only if the intervals are further apart than what is told from none. */
function compareVerdicts(
  comparison: Comparison,
  key: string,
  was: ContenderResult,
  is: ContenderResult,
): void {
  if (was.ratio === undefined || is.ratio === undefined) return;
  comparison.verdicts++;
  if (was.verdict === is.verdict) return;
  const isDecided = was.verdict !== 'cannot tell' && is.verdict !== 'cannot tell';
  const list =
    isDecided || isApart(was.ratio, is.ratio) ? comparison.changed : comparison.undecided;
  list.push(`${key}: ${describe(was)}, now ${describe(is)}`);
}

function isApart(a: Estimate, b: Estimate): boolean {
  return a.low > b.high * (1 + MARGIN) || b.low > a.high * (1 + MARGIN);
}

function describe({ ratio, verdict }: ContenderResult): string {
  if (ratio === undefined) return 'none';
  return `${verdict} (${[ratio.low, ratio.median, ratio.high].map((r) => r.toFixed(2)).join(' … ')})`;
}

/** What there is to say of verdicts. */
export function linesOf({ changed, undecided, verdicts }: Comparison): string[] {
  return [
    ...undecided.map((line) => `Told in one run only: ${line}`),
    ...changed.map((line) => `CHANGED: ${line}`),
    `${verdicts - changed.length} of ${verdicts} verdicts are the same, ${undecided.length} of them told in one run only`,
  ];
}

function flatten(report: Report): Map<string, { one: CaseResult; contender: ContenderResult }> {
  return new Map(
    report.sections.flatMap((section) =>
      section.cases.flatMap((one) =>
        one.contenders.map((contender) => [
          `${section.name}: ${one.row} ${one.column}, ${contender.name}`,
          { one, contender },
        ]),
      ),
    ),
  );
}
