/**
 * Recordings in files. The only file of this package that needs Node.js.
 */
import { createReadStream, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { quote, RecordingError, WorkloadError } from './errors.ts';
import { parseRecording, type ParseOptions, type Recording } from './recording.ts';

/**
 * Reads a recording from a file, plain or gzipped, without holding the file in memory.
 *
 * @throws RecordingError `MMN_RECORDING_UNREADABLE`, and those of `parseRecording`
 */
export async function readRecording(path: string, options: ParseOptions = {}): Promise<Recording> {
  return parseRecording(bytesOf(path), options);
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: 1 << 18 })) {
      yield bytes as Uint8Array;
    }
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new RecordingError(
      'MMN_RECORDING_UNREADABLE',
      0,
      `expected a readable file, got ${reason} for ${quote(path)}`,
      { cause: error },
    );
  }
}

/** A recording that comes with the package or its repository. */
export interface EmbeddedRecording {
  readonly name: string;
  readonly file: string;
  /** One sentence. */
  readonly description: string;
  /** Whether the npm package has it; the repository has all of them. */
  readonly published: boolean;
}

const redis = 'redis-server under 40,000 SETs, the second half of them during a BGSAVE (fork)';
const node = 'Node.js with three worker threads, buffers and JSON';

/** The recordings, with the one to begin with first. */
export const embeddedRecordings: readonly EmbeddedRecording[] = [
  {
    name: 'redis-bgsave',
    file: 'redis-bgsave.perf.txt.gz',
    description: `${redis}, then a FLUSHALL.`,
    published: true,
  },
  {
    name: 'redis-bgsave-strace',
    file: 'redis-bgsave.strace.gz',
    description: `${redis}; strace, so without page faults.`,
    published: false,
  },
  {
    name: 'gcc-compile',
    file: 'gcc-compile.perf.txt.gz',
    description: 'gcc -O2 -c of a small file: gcc, cc1 and as, each by vfork and exec.',
    published: false,
  },
  {
    name: 'node-workers',
    file: 'node-workers.perf.txt.gz',
    description: `${node}.`,
    published: false,
  },
  {
    name: 'node-workers-strace',
    file: 'node-workers.strace.gz',
    description: `${node}; strace, so without page faults, but calls overlap for longer.`,
    published: false,
  },
  {
    name: 'chromium-page',
    file: 'chromium-page.perf.txt.gz',
    description: 'Headless Chromium rendering a page with a canvas: 28 processes.',
    published: false,
  },
];

/**
 * The path of an embedded recording.
 *
 * @throws WorkloadError `MMN_WORKLOAD_UNKNOWN`: no such name, or not in the npm package
 */
export function embeddedRecordingPath(name: string): string {
  const recording = embeddedRecordings.find((recording) => recording.name === name);
  const path = fileURLToPath(new URL(`../recordings/${recording?.file ?? ''}`, import.meta.url));
  if (recording !== undefined && existsSync(path)) return path;
  const names = embeddedRecordings.map(({ name }) => name).join(', ');
  const lack = recording === undefined ? '' : ', which only the repository has';
  throw new WorkloadError(
    'MMN_WORKLOAD_UNKNOWN',
    `expected an embedded recording (${names}), got ${quote(name)}${lack}`,
  );
}
