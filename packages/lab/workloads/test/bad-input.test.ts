import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { parseRecording, RecordingError, type RecordingInput } from '../src/index.ts';
import { embeddedRecordingPath, readRecording } from '../src/node.ts';

/** The error with which the input is refused: always ours, always one line. */
async function refusal(input: RecordingInput, strict = false): Promise<RecordingError> {
  const error = await parseRecording(input, { strict }).catch((error: unknown) => error);
  if (!(error instanceof RecordingError)) throw new Error('expected a refusal', { cause: error });
  if (error.message.includes('\n')) throw new Error('expected one line', { cause: error });
  return error;
}

/** A stream of the bytes, one by one. */
async function* bytewise(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (const byte of bytes) yield Uint8Array.of(byte);
}

const good = '1 1.000001 munmap(0x1000, 4096) = 0 <0.000001>\n';

describe('[MMN_RECORDING_EMPTY]', () => {
  test.each(['', new Uint8Array(0), gzipSync('')])(
    'is thrown when there is nothing',
    async (input) => {
      expect(await refusal(input)).toMatchObject({
        code: 'MMN_RECORDING_EMPTY',
        line: 0,
        message: 'expected the text of perf script or strace, got nothing',
      });
    },
  );
});

describe('[MMN_RECORDING_FORMAT]', () => {
  test('is thrown for a text of another kind', async () => {
    expect(await refusal('{\n  "name": 1\n}\n')).toMatchObject({
      code: 'MMN_RECORDING_FORMAT',
      message: 'line 1: expected a line of perf script or strace, got "{"',
    });
  });

  test('says what to do with a perf.data file', async () => {
    expect((await refusal('PERFILE2h\0\0\0\n')).message).toContain('run perf script');
  });

  test('is thrown soon for bytes without newlines', async () => {
    expect((await refusal(new Uint8Array(3 << 20))).code).toBe('MMN_RECORDING_FORMAT');
  });

  test('is thrown soon for many lines of which none is known', async () => {
    const { code, line } = await refusal('nothing here\n'.repeat(5000));
    expect([code, line]).toEqual(['MMN_RECORDING_FORMAT', 1]);
  });
});

describe('[MMN_RECORDING_GZIP]', () => {
  test('is thrown wherever a gzip file is cut', async () => {
    const bytes = new Uint8Array(await readFile(embeddedRecordingPath('redis-bgsave-strace')));
    const cuts = [
      2,
      3,
      9,
      10,
      11,
      100,
      1000,
      7001,
      bytes.length - 9,
      bytes.length - 8,
      bytes.length - 1,
    ];
    const codes = await Promise.all(
      cuts.map(async (cut) => (await refusal(bytes.subarray(0, cut))).code),
    );
    expect(codes).toEqual(cuts.map(() => 'MMN_RECORDING_GZIP'));
  });

  test('names the line that it got to', async () => {
    const bytes = new Uint8Array(await readFile(embeddedRecordingPath('redis-bgsave')));
    const { line, message } = await refusal(bytes.subarray(0, 100_000));
    expect(line).toBeGreaterThan(5000);
    expect(message).toBe(
      `line ${line}: expected a whole gzip file of one member, got one that ends early, goes on or is damaged`,
    );
  });

  test('is thrown for a damaged byte', async () => {
    const bytes = new Uint8Array(gzipSync(good.repeat(100)));
    bytes[20] = (bytes[20] ?? 0) ^ 0xff;
    expect((await refusal(bytes)).code).toBe('MMN_RECORDING_GZIP');
  });
});

describe('[MMN_RECORDING_LINE]', () => {
  test('is thrown in strict mode at the first unknown line', async () => {
    expect(await refusal(`${good}what is this\n${good}`, true)).toMatchObject({
      code: 'MMN_RECORDING_LINE',
      line: 2,
      message:
        'line 2: expected a line that the reader knows, got "what is this" (not a line of strace)',
    });
  });

  test('is thrown in strict mode for a last line that is cut', async () => {
    const { code, line } = await refusal(good + good.trimEnd(), true);
    expect([code, line]).toEqual(['MMN_RECORDING_LINE', 2]);
  });

  test('is thrown in the middle of a gzip file too', async () => {
    const bytes = gzipSync(`${good.repeat(100_000)}what is this\n${good.repeat(100_000)}`);
    expect((await refusal(bytes, true)).line).toBe(100_001);
  });

  test('shows control characters and long lines harmlessly', async () => {
    const { message } = await refusal(`${good}\u001b[31m${'x'.repeat(1000)}\n`, true);
    expect(message.length).toBeLessThan(200);
    expect(message).not.toContain('\u001b');
  });

  test('is a count otherwise', async () => {
    const { events, summary } = await parseRecording(`${good}what is this\n${good.trimEnd()}`);
    expect(events).toHaveLength(1);
    expect({ ...summary.unknown }).toEqual({
      'not a line of strace': 1,
      'last line without a newline': 1,
    });
  });
});

describe('[MMN_RECORDING_INPUT]', () => {
  test.each([undefined, null, 7, {}])('is thrown for %s', async (input) => {
    expect((await refusal(input as unknown as RecordingInput)).code).toBe('MMN_RECORDING_INPUT');
  });
});

describe('[MMN_RECORDING_UNREADABLE]', () => {
  test.each([
    ['/nowhere/at all', 'ENOENT'],
    ['/', 'EISDIR'],
  ])('is thrown for %s', async (path, reason) => {
    await expect(readRecording(path)).rejects.toMatchObject({
      code: 'MMN_RECORDING_UNREADABLE',
      message: `expected a readable file, got ${reason} for "${path}"`,
    });
  });
});

test('a source that fails passes its own error on, gzipped or not', async () => {
  const failure = new Error('the network is gone');
  for (const head of [Buffer.from(good), gzipSync(good).subarray(0, 20)]) {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield head;
      throw failure;
    }
    await expect(parseRecording(source())).rejects.toBe(failure);
  }
});

test('text, bytes, gzip and a stream of single bytes are the same recording', async () => {
  const text = good.repeat(3);
  const expected = await parseRecording(text);
  const inputs = [
    Buffer.from(text),
    gzipSync(text),
    bytewise(Buffer.from(text)),
    bytewise(gzipSync(text)),
    text.replaceAll('\n', '\r\n'),
  ];
  for (const input of inputs) expect(await parseRecording(input)).toEqual(expected);
});
