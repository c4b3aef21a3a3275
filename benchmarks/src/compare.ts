/** This run against an earlier one: what has become faster or slower by more than both intervals allow. */
import { readFileSync } from 'node:fs';
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

/** One line for each contender of a case that both runs have. */
export function compareReports(before: Report, now: Report): string[] {
  const earlier = flatten(before);
  return [...flatten(now)].flatMap(([key, { one, contender }]) => {
    const old = earlier.get(key);
    if (old === undefined) return [];
    if (old.one.hash !== one.hash)
      return [`${key}: other work than before (hash ${old.one.hash}, now ${one.hash})`];
    const [was, is] = [old.contender.time, contender.time];
    let verdict = 'cannot tell';
    if (is.high < was.low * 0.95) verdict = 'faster';
    if (is.low > was.high * 1.05) verdict = 'slower';
    return [`${key}: ${was.median.toFixed(1)} ns → ${is.median.toFixed(1)} ns, ${verdict}`];
  });
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
