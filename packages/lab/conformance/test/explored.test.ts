/** An exploration that its budget stops is no kept promise. */
import type { Strategy } from '@mmu-notifier/core';
import { expect, it } from 'vitest';
import { exploreSituation } from '../src/agents/situations.ts';

const bytes = 8;

/** No notifier at all: both threads take turns at a word, and nobody installs anything. */
const idle = {
  byteLength: () => bytes,
  create() {},
  attach(memory: SharedArrayBuffer) {
    const words = new Int32Array(memory);
    const work = (): undefined => {
      for (let times = 0; times < 3; times++) Atomics.add(words, 0, 1);
    };
    const subscription = { readBeginSync: () => 1, publishSync: () => true };
    return {
      registerOps() {},
      subscribeSync: () => ({ ...subscription, readBeginSync: work }),
      invalidateRangeStartSync: work,
      invalidateRangeEndSync: work,
    };
  },
} as unknown as Strategy;

it('fails when there are more executions than it may try', () => {
  expect(() => exploreSituation(idle, 'idle', 'fault', 3)).toThrow(
    /expected every interleaving with up to 3 preemptions, got: stopped by the budget of executions/,
  );
});

it('holds when it has tried them all', () => {
  expect(() => exploreSituation(idle, 'idle', 'fault', 10_000)).not.toThrow();
});
