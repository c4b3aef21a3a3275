/**
 * A failing schedule of threads as a table, with the methods that were at work but not their lines, so that it stays the same when
 * a source file changes elsewhere. For documents; the explorer's own diagram has the lines.
 */
import type { Failure, TraceEvent } from '@mmu-notifier/explorer';

/** Plain accesses in a row that are printed in full. */
const plainMax = 4;
const callersMax = 2;

interface Row {
  readonly number: string;
  readonly thread: string;
  readonly text: string;
}

/** See the file's head. */
export function outline({ events, verdict, message }: Failure): string {
  const threads = [...new Set(events.map(({ thread }) => thread))];
  const rows = toRows(events, message);
  const widths = threads.map((name) =>
    Math.max(name.length, ...rows.map(({ thread, text }) => (thread === name ? text.length : 0))),
  );
  const cells = (texts: readonly string[]): string =>
    texts
      .map((text, at) => text.padEnd(widths[at]!))
      .join(' | ')
      .trimEnd();
  return [
    `  #  ${cells(threads)}`,
    `-----${widths.map((width) => '-'.repeat(width)).join('-+-')}`,
    ...rows.map(
      ({ number, thread, text }) =>
        `${number.padStart(3)}  ${cells(threads.map((name) => (name === thread ? text : '')))}`,
    ),
    '',
    `=> ${verdict}: ${message}`,
  ].join('\n');
}

function toRows(events: readonly TraceEvent[], message: string): Row[] {
  const rows: Row[] = [];
  for (let i = 0; i < events.length;) {
    const event = events[i]!;
    // What the message is about is never left out.
    const isBoring = (other: TraceEvent | undefined): boolean =>
      other?.isPlain === true &&
      other.thread === event.thread &&
      !message.includes(`'${other.text}'`);
    let count = 0;
    while (isBoring(events[i + count])) count++;
    if (count > plainMax) {
      rows.push({ number: '', thread: event.thread, text: `  … ${count} plain accesses` });
      i += count;
      continue;
    }
    for (const each of events.slice(i, i + Math.max(count, 1))) rows.push(toRow(each));
    i += Math.max(count, 1);
  }
  return rows;
}

function toRow({ thread, isPlain, step, text, stack }: TraceEvent): Row {
  const methods = stack.map(({ method }) => method).filter((method) => method !== '');
  const where = methods.slice(0, callersMax).join(' < ');
  const what = `${isPlain ? '  ' : ''}${text}${where === '' ? '' : `  (${where})`}`;
  return { number: isPlain ? '' : String(step), thread, text: what };
}
