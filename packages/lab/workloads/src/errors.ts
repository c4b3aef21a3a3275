/**
 * The errors of this package: mistakes of the caller's, or in the input. Each message is one line that
 * says what was expected and what came; `code` is stable between major versions.
 */

/** Every code that an error of this package can carry. */
export type WorkloadErrorCode =
  /** The file cannot be read: it is missing, a directory, not allowed. */
  | 'MMN_RECORDING_UNREADABLE'
  /** What was given to parse is neither text nor bytes nor a stream of bytes. */
  | 'MMN_RECORDING_INPUT'
  /** There is no complete line in it. */
  | 'MMN_RECORDING_EMPTY'
  /** It is neither the text of `perf script` nor that of strace. */
  | 'MMN_RECORDING_FORMAT'
  /** The gzip stream ends early, is damaged, or has more behind its first member. */
  | 'MMN_RECORDING_GZIP'
  /** In strict mode: a line that the reader does not know, or that is cut or malformed. */
  | 'MMN_RECORDING_LINE'
  /** No generator, or no embedded recording, has this name. */
  | 'MMN_WORKLOAD_UNKNOWN'
  /** An option that does not exist, or a value out of its range. */
  | 'MMN_WORKLOAD_OPTION';

/** A wrong argument or a wrong input. */
export class WorkloadError extends Error {
  override readonly name: string = 'WorkloadError';
  readonly code: WorkloadErrorCode;

  constructor(code: WorkloadErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A recording that cannot be read. */
export class RecordingError extends WorkloadError {
  override readonly name: string = 'RecordingError';
  /** The line at which it was noticed, from 1; 0 when no line is to blame. */
  readonly line: number;

  constructor(code: WorkloadErrorCode, line: number, message: string, options?: ErrorOptions) {
    super(code, line > 0 ? `line ${line}: ${message}` : message, options);
    this.line = line;
  }
}

/** A piece of input as it may stand in a message: printable, on one line, at most 60 characters. */
export function quote(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return JSON.stringify(shown).replaceAll(/[\u007f-\uffff]/g, '?');
}
