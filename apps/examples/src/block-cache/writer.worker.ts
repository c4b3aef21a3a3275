/** Another writer of the file: says what it will write, waits for leave, writes, and says that it has. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/** What it is told to write, and where. */
export interface Write {
  readonly start: number;
  readonly text: string;
}

const { path } = workerData as { path: string };
let pending: Write | undefined;

parentPort?.on('message', (message: Write | 'go') => {
  if (message !== 'go') {
    pending = message;
    parentPort?.postMessage({
      kind: 'will',
      start: message.start,
      end: message.start + message.text.length,
    });
    return;
  }
  if (pending === undefined) return;
  const file = openSync(path, 'r+');
  writeSync(file, pending.text, pending.start);
  closeSync(file);
  parentPort?.postMessage({ kind: 'did' });
});
