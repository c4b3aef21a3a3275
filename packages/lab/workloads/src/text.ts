/**
 * Bytes to lines, on nothing but the web platform.
 *
 * 1. Memory stays at one block and one line, whatever the size of the recording.
 * 2. Bytes that begin with gzip's magic number are inflated; a stream that ends early is an error, never a
 *    short recording.
 * 3. Every character comes from one byte (latin1): the formats are ASCII, and commands may be anything.
 */
import { RecordingError } from './errors.ts';

/** A recording in memory, or a stream of its bytes (a Node.js file stream, a `Response`'s body). */
export type RecordingInput = string | Uint8Array | AsyncIterable<Uint8Array>;

type Bytes = Uint8Array<ArrayBuffer>;

const blockBytes = 1 << 18;

/** No line of the two formats comes near this many characters. */
export const lineCharactersMax: number = 1 << 20;

/** Thrown inside, turned into a {@link RecordingError} with a line number by whoever counts lines. */
export class GzipDamage extends Error {}

/** The text of the input, in blocks that end anywhere. */
export async function* textBlocks(input: RecordingInput): AsyncGenerator<string> {
  if (typeof input === 'string') {
    yield input;
    return;
  }
  const decoder = new TextDecoder('latin1');
  for await (const bytes of inflated(blocksOf(input)))
    yield decoder.decode(bytes, { stream: true });
}

async function* blocksOf(input: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Bytes> {
  if (input instanceof Uint8Array) {
    for (let at = 0; at < input.length; at += blockBytes) {
      yield input.subarray(at, at + blockBytes) as Bytes;
    }
    return;
  }
  if (
    typeof (input as Partial<AsyncIterable<Uint8Array>> | null)?.[Symbol.asyncIterator] !==
    'function'
  ) {
    throw new RecordingError(
      'MMN_RECORDING_INPUT',
      0,
      `expected text, a Uint8Array or an async iterable of them, got ${typeof input}`,
    );
  }
  for await (const bytes of input) if (bytes.length > 0) yield bytes as Bytes;
}

async function* inflated(blocks: AsyncGenerator<Bytes>): AsyncGenerator<Uint8Array> {
  const head = await firstBytes(blocks, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    if (head.length > 0) yield head;
    yield* blocks;
    return;
  }
  const source = watch(blocks);
  const gunzip = new DecompressionStream('gzip');
  const pumping = pump(head, source.blocks, gunzip.writable.getWriter());
  const reader = gunzip.readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
  } catch (error) {
    throw source.failure === undefined
      ? new GzipDamage(String(error), { cause: error })
      : source.failure.error;
  } finally {
    await reader.cancel().catch(() => {});
    await pumping;
  }
}

interface Watched {
  readonly blocks: AsyncGenerator<Bytes>;
  failure: { readonly error: unknown } | undefined;
}

/** Remembers whether it was the source that failed, and not what is done with its blocks. */
function watch(blocks: AsyncGenerator<Bytes>): Watched {
  async function* watched(): AsyncGenerator<Bytes> {
    try {
      yield* blocks;
    } catch (error) {
      source.failure = { error };
      throw error;
    }
  }
  const source: Watched = { blocks: watched(), failure: undefined };
  return source;
}

/** Writes all blocks. Never rejects: what goes wrong shows at the reading side. */
async function pump(
  head: Bytes,
  blocks: AsyncGenerator<Bytes>,
  writer: WritableStreamDefaultWriter<Bytes>,
): Promise<void> {
  try {
    await writer.write(head);
    for await (const block of blocks) await writer.write(block);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
  }
}

/** The first blocks, joined until they have `count` bytes, or all there are. */
async function firstBytes(blocks: AsyncGenerator<Bytes>, count: number): Promise<Bytes> {
  let head = new Uint8Array(0);
  while (head.length < count) {
    const { done, value } = await blocks.next();
    if (done === true) break;
    const joined = new Uint8Array(head.length + value.length);
    joined.set(head);
    joined.set(value, head.length);
    head = joined;
  }
  return head;
}
