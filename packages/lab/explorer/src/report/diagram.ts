/** An execution as a table: one column for each thread, one row for each access, time going down. */
import { formatPlaces } from './stack.ts';
import type { TraceEvent } from './trace.ts';

/** How wide and how long a diagram may be. */
export interface DiagramOptions {
  /** Widest column. Default 88. */
  readonly columnMax?: number;
  /** Longest row of plain accesses that is printed in full. Default 4. */
  readonly plainMax?: number;
}

interface Row {
  readonly number: string;
  readonly thread: string;
  readonly text: string;
}

/** Draws it. Events in `marked` are pointed at, and never left out. */
export function drawDiagram(
  threads: readonly string[],
  events: readonly TraceEvent[],
  marked: ReadonlySet<TraceEvent>,
  options: DiagramOptions = {},
): string {
  const { columnMax = 88, plainMax = 4 } = options;
  const rows = toRows(events, marked, plainMax);
  const widths = threads.map((name) =>
    Math.min(
      columnMax,
      Math.max(
        name.length,
        ...rows.filter((row) => row.thread === name).map((row) => row.text.length),
      ),
    ),
  );
  const cells = (texts: readonly string[]): string =>
    texts
      .map((text, i) => fit(text, widths[i]!))
      .join(' | ')
      .trimEnd();
  return [
    `  #  ${cells(threads)}`,
    `-----${widths.map((width) => '-'.repeat(width)).join('-+-')}`,
    ...rows.map(
      (row) =>
        `${row.number.padStart(3)}  ${cells(threads.map((name) => (name === row.thread ? row.text : '')))}`,
    ),
  ].join('\n');
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

function toRows(
  events: readonly TraceEvent[],
  marked: ReadonlySet<TraceEvent>,
  plainMax: number,
): Row[] {
  const rows: Row[] = [];
  for (let i = 0; i < events.length;) {
    const event = events[i]!;
    let count = 0;
    while (isBoring(events[i + count], event, marked)) count++;
    if (count > plainMax) {
      rows.push({ number: '', thread: event.thread, text: `… ${count} plain accesses` });
      i += count;
      continue;
    }
    for (const each of events.slice(i, i + Math.max(count, 1))) {
      const place = formatPlaces(each.stack);
      rows.push({
        number: each.isPlain ? '' : String(each.step),
        thread: each.thread,
        text: `${marked.has(each) ? '► ' : ''}${each.text}${place === '' ? '' : `  (${place})`}`,
      });
    }
    i += Math.max(count, 1);
  }
  return rows;
}

function isBoring(
  event: TraceEvent | undefined,
  like: TraceEvent,
  marked: ReadonlySet<TraceEvent>,
): boolean {
  if (event === undefined || event.thread !== like.thread || marked.has(event)) return false;
  return event.isPlain && (event.kind === 'read' || event.kind === 'write');
}
