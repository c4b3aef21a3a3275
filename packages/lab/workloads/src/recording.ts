/**
 * Recordings of real programs to the event stream.
 *
 *     input → blocks of text → lines → drafts (perf.ts, strace.ts, journal.ts) → sorted → address spaces → events
 */
import { AddressSpaces } from './address-spaces.ts';
import { Clock } from './clock.ts';
import { quote, RecordingError } from './errors.ts';
import type { MemoryEvent } from './events.ts';
import { Journal } from './journal.ts';
import { Ledger, type RecordingFormat, type RecordingSummary } from './ledger.ts';
import { isPerfLine, PerfReader } from './perf.ts';
import { isStraceLine, StraceReader } from './strace.ts';
import { GzipDamage, lineCharactersMax, textBlocks, type RecordingInput } from './text.ts';

export interface ParseOptions {
  /** Throw at the first line that is not known, instead of counting it. Default false. */
  readonly strict?: boolean;
  /** Which tool wrote it. Default `auto`: by the first line that either knows. */
  readonly format?: RecordingFormat | 'auto';
}

export interface Recording {
  /** Sorted by `beginNs`; see the file events.ts for what holds. */
  readonly events: MemoryEvent[];
  readonly summary: RecordingSummary;
}

/** A file in which none of so many lines is known is not a recording. */
const unknownLinesMax = 1000;

/**
 * Reads the text of `perf script` or strace, plain or gzipped.
 *
 * A last line without a newline is cut as far as one can know: it is counted as unknown and not read.
 * Time grows with the lines; memory is that of the events, some 170 bytes each.
 *
 * @param input text, bytes, or a stream of bytes
 * @throws RecordingError `MMN_RECORDING_INPUT`, `…_EMPTY`, `…_FORMAT`, `…_GZIP`, and in strict mode `…_LINE`
 * @example
 * const { events, summary } = await parseRecording(await (await fetch(url)).bytes());
 */
export async function parseRecording(
  input: RecordingInput,
  options: ParseOptions = {},
): Promise<Recording> {
  const reader = new RecordingReader(options);
  try {
    for await (const block of textBlocks(input)) reader.take(block);
  } catch (error) {
    if (!(error instanceof GzipDamage)) throw error;
    throw new RecordingError(
      'MMN_RECORDING_GZIP',
      reader.lines + 1,
      'expected a whole gzip file of one member, got one that ends early, goes on or is damaged',
      { cause: error },
    );
  }
  return reader.finish();
}

class RecordingReader {
  readonly #ledger: Ledger;
  readonly #journal: Journal;
  #format: RecordingFormat | undefined;
  #reader: PerfReader | StraceReader | undefined;
  /** The beginning of a line whose end is in the next block. */
  #carry = '';
  #firstText = '';

  constructor(options: ParseOptions) {
    this.#ledger = new Ledger(options.strict ?? false);
    this.#journal = new Journal(this.#ledger);
    const format = options.format ?? 'auto';
    if (format !== 'auto') this.#use(format);
  }

  get lines(): number {
    return this.#ledger.lines;
  }

  take(block: string): void {
    const text = this.#carry + block;
    let from = 0;
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
      this.#line(text.slice(from, text.charCodeAt(to - 1) === 13 ? to - 1 : to));
      from = to + 1;
    }
    this.#carry = text.slice(from);
    if (this.#carry.length > lineCharactersMax) this.#refuseAll(this.lines + 1, this.#carry);
  }

  finish(): Recording {
    const ledger = this.#ledger;
    if (this.#carry !== '') {
      ledger.lines += 1;
      if (this.#reader === undefined) this.#firstText ||= this.#carry;
      ledger.refuse('last line without a newline', this.#carry);
    }
    if (ledger.lines === 0) {
      const message = 'expected the text of perf script or strace, got nothing';
      throw new RecordingError('MMN_RECORDING_EMPTY', 0, message);
    }
    if (this.#format === undefined) this.#refuseAll(1, this.#firstText);
    const spaces = new AddressSpaces(ledger);
    const events = spaces.assign(this.#journal.finish());
    const durationNs = startAtZero(events);
    const { addressSpaces, threads } = spaces;
    const { strict: _, ...counts } = ledger;
    return {
      events,
      summary: {
        format: this.#format,
        ...counts,
        events: events.length,
        addressSpaces,
        threads,
        durationNs,
      },
    };
  }

  #line(text: string): void {
    const ledger = this.#ledger;
    ledger.lines += 1;
    const reader = this.#reader ?? this.#recognise(text);
    reader?.read(text, ledger.lines);
  }

  #recognise(text: string): PerfReader | StraceReader | undefined {
    if (/^\s*(?:#.*)?$/.test(text)) {
      this.#ledger.ignore('comment or blank line');
      return undefined;
    }
    if (isPerfLine(text)) return this.#use('perf');
    if (isStraceLine(text)) return this.#use('strace');
    this.#firstText ||= text;
    if (this.lines >= unknownLinesMax) this.#refuseAll(1, this.#firstText);
    this.#ledger.refuse('before the first known line', text);
    return undefined;
  }

  #use(format: RecordingFormat): PerfReader | StraceReader {
    this.#format = format;
    const Reader = format === 'perf' ? PerfReader : StraceReader;
    this.#reader = new Reader(this.#ledger, this.#journal, new Clock());
    return this.#reader;
  }

  #refuseAll(line: number, text: string): never {
    const hint = text.startsWith('PERFILE2') ? ' (a perf.data file: run perf script on it)' : '';
    throw new RecordingError(
      'MMN_RECORDING_FORMAT',
      line,
      `expected a line of perf script or strace, got ${quote(text.trim())}${hint}`,
    );
  }
}

/** Moves the times so that the first event begins at 0, and tells how long the stream is. */
function startAtZero(events: { beginNs: number; endNs: number }[]): number {
  const firstNs = events[0]?.beginNs ?? 0;
  let lastNs = 0;
  for (const event of events) {
    if (firstNs !== 0) {
      event.beginNs -= firstNs;
      event.endNs -= firstNs;
    }
    if (event.endNs > lastNs) lastNs = event.endNs;
  }
  return lastNs;
}
