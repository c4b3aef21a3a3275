/** Worker threads of Node.js. See spawn-agent.ts. */
// oxlint-disable unicorn/require-post-message-target-origin -- the ports of workers have none
import { parentPort, Worker, type WorkerOptions } from 'node:worker_threads';
import type { ParentPort, ThreadEvents, ThreadPort } from './port.ts';

/** Starts a thread. */
export function startThread(module: URL, events: ThreadEvents): ThreadPort {
  // A TypeScript source may need the conditions that this process was started with: they are inherited.
  const options: WorkerOptions = {};
  const worker = new Worker(module, options);
  let reason: unknown;
  worker.on('message', (message) => events.onMessage(message));
  worker.on('error', (error) => (reason = error));
  worker.on('messageerror', (error) => (reason = error));
  worker.on('exit', (code) => {
    const isClean = code === 0 && reason === undefined;
    events.onExit(isClean ? undefined : (reason ?? new Error(`it ended with code ${code}`)));
  });
  return {
    post: (message) => worker.postMessage(message),
    terminate: async () => void (await worker.terminate()),
    keepsAlive: (isWanted) => (isWanted ? worker.ref() : worker.unref()),
  };
}

/** What a thread that was started has of who started it; `undefined` in the first thread. */
export function parent(): ParentPort | undefined {
  const port = parentPort;
  if (port === null) return undefined;
  return {
    post: (message) => port.postMessage(message),
    listen(onMessage) {
      port.on('message', onMessage);
      return () => void port.off('message', onMessage);
    },
  };
}
