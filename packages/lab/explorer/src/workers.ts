/** Replay on real worker threads. The only entry of this package that needs Node.js. */
export {
  replayOnWorkers,
  type WorkerReplay,
  type WorkerReplayOptions,
} from './workers/replay-on-workers.ts';
