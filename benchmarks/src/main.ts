/** The command line: `npm run bench -- --help`. Exit codes: 0 done, 1 a result was wrong, a process failed or a verdict changed, 2 bad usage, 130 interrupted. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from './arguments.ts';
import { compareReports, linesOf, NotAReportError, readReport } from './compare.ts';
import { makeProgress } from './progress.ts';
import { record } from './record.ts';
import { runSections } from './runner.ts';
import { LEGEND, machineLine, printSection } from './table.ts';

const options = parseArgs(process.argv);
if (typeof options === 'number') {
  process.exitCode = options;
} else {
  const progress = makeProgress(process.stderr);
  try {
    const before = options.compare === undefined ? undefined : readReport(options.compare);
    const interrupt = new AbortController();
    process.once('SIGINT', () => interrupt.abort());
    const { sections, level } = options;
    const report = await runSections(sections, level, progress.onProgress, interrupt.signal);
    progress.clear();
    console.log(`${machineLine(report)}\n\n${LEGEND}\n`);
    for (const section of report.sections) console.log(`${printSection(section)}\n`);
    if (before !== undefined && report.interrupted !== true) {
      console.log(`Against ${machineLine(before)}:`);
      const comparison = compareReports(before, report);
      console.log([...comparison.times, '', ...linesOf(comparison)].join('\n'));
      if (comparison.changed.length > 0) process.exitCode = 1;
    }
    if (options.json !== undefined)
      writeFileSync(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
    // What is recorded stays until there is all of its successor.
    if (options.record) record({ ...report, sections: report.sections.filter(({ cut }) => !cut) });
    if (report.interrupted === true) {
      console.error('Interrupted: the tables hold the cases that were done by then.');
      process.exitCode = 130;
    }
  } catch (error) {
    progress.clear();
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = error instanceof NotAReportError ? 2 : 1;
  }
}
