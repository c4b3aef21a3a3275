/** A progress bar on a terminal, nothing in a pipe. */
import { SingleBar } from 'cli-progress';

/** Progress of something that may take longer than two seconds. */
export interface Progress {
  /** @param done from 0 to 1 */
  update(done: number, what: string): void;
  stop(): void;
}

/** Draws on the error stream, so that the output stays clean. */
export function startProgress(): Progress {
  if (!process.stderr.isTTY) return { update() {}, stop() {} };
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {what}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(1, 0, { what: 'starting' });
  return {
    update: (done, what) => bar.update(done, { what }),
    stop: () => bar.stop(),
  };
}
