/** What Node.js and browsers have in common about threads: the two `port.*.ts` beside this file provide it. */

/** What a thread tells who started it. */
export interface ThreadEvents {
  onMessage(message: unknown): void;
  /** Once. `undefined`: it ended of itself, without an error. */
  onExit(reason: unknown): void;
}

/** A thread, seen by who started it. */
export interface ThreadPort {
  post(message: unknown): void;
  /** Ends it wherever it is. Resolves when it runs no more. */
  terminate(): Promise<void>;
  /** Whether the process stays because of it, where that is a question. */
  keepsAlive(isWanted: boolean): void;
}

/** Who started this thread, seen by it. */
export interface ParentPort {
  post(message: unknown): void;
  /** Returns what ends the listening; the thread may end then. */
  listen(onMessage: (message: unknown) => void): () => void;
}
