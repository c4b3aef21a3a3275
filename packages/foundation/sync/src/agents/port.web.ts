/** Workers of browsers. See spawn-agent.ts. */
// oxlint-disable unicorn/require-post-message-target-origin -- the ports of workers have none
import type { ParentPort, ThreadEvents, ThreadPort } from './port.ts';

/** What is used of the DOM's types, which this package does not load. */
interface WebPort {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: (event: WebEvent) => void): void;
  removeEventListener(type: string, listener: (event: WebEvent) => void): void;
}
interface WebWorker extends WebPort {
  terminate(): void;
}
interface WebEvent {
  readonly data?: unknown;
  readonly message?: string;
  preventDefault(): void;
}
const scope = globalThis as unknown as WebPort & {
  readonly Worker?: new (url: URL, options: { type: 'module' }) => WebWorker;
  readonly document?: unknown;
};

/** Starts a thread. It ends when it says so, with an error, or by `terminate`: browsers tell of nothing else. */
export function startThread(module: URL, events: ThreadEvents): ThreadPort {
  if (scope.Worker === undefined) throw new Error('expected a browser with workers, got none');
  const worker = new scope.Worker(module, { type: 'module' });
  let isOver = false;
  const end = (reason: unknown): void => {
    if (isOver) return;
    isOver = true;
    worker.terminate();
    events.onExit(reason);
  };
  worker.addEventListener('message', ({ data }) => {
    if (data === farewell) end(undefined);
    else events.onMessage(data);
  });
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    end(new Error(event.message ?? 'it could not be loaded'));
  });
  return {
    post: (message) => worker.postMessage(message),
    terminate: async () => end(new Error('it was terminated')),
    keepsAlive: () => {},
  };
}

/** What a thread that was started has of who started it; `undefined` in the first thread. */
export function parent(): ParentPort | undefined {
  if (scope.document !== undefined) return undefined;
  return {
    post: (message) => scope.postMessage(message),
    listen(onMessage) {
      const listener = ({ data }: WebEvent): void => onMessage(data);
      scope.addEventListener('message', listener);
      return () => {
        scope.removeEventListener('message', listener);
        scope.postMessage(farewell);
      };
    },
  };
}

const farewell = 'mmu-notifier: this agent has ended';
