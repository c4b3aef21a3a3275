/** One line on a terminal that says how far the run is; nothing in a pipe. */
import type { OnProgress } from './runner.ts';

export interface Progress {
  onProgress: OnProgress;
  clear(): void;
}

export function makeProgress(stream: NodeJS.WriteStream): Progress {
  const begin = Date.now();
  if (!stream.isTTY) return { onProgress: () => {}, clear: () => {} };
  return {
    onProgress: ({ done, total, what }) => {
      const seconds = done === 0 ? NaN : ((Date.now() - begin) / 1000 / done) * (total - done);
      const left = Number.isNaN(seconds) ? '' : `, ${Math.ceil(seconds)} s left`;
      const line = total === 0 ? what : `[${done}/${total}${left}] ${what}`;
      stream.write(`\r\u001b[2K${line.slice(0, (stream.columns || 80) - 1)}`);
    },
    clear: () => stream.write('\r\u001b[2K'),
  };
}
