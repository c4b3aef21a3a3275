/** The compiler's thread: reads the guest's code, compiles it, publishes. It may block. */
import { collisionRetrySync } from '@mmu-notifier/core';
import { interval } from '@mmu-notifier/interval/shared';
import { block, compileBlock } from './guest.ts';
import { opsId, word, type Compiled, type Shared } from './protocol.ts';

/** Reads and compiles. The first time it takes so long that the guest comes to its write meanwhile. */
function compile({ code, state }: Shared): WebAssembly.Module {
  const copy = code.slice(block.start, block.end);
  if (Atomics.exchange(state, word.hasRead, 1) === 0) {
    Atomics.notify(state, word.hasRead);
    Atomics.wait(state, word.hasWritten, 0, 10_000);
  }
  return compileBlock(copy);
}

/** Says that it is valid, and sends it. The words of `state` are what counts: a message may arrive too late. */
function install({ state }: Shared, module: WebAssembly.Module): void {
  const ticket = Atomics.add(state, word.tickets, 1) + 1;
  Atomics.store(state, word.valid, ticket);
  const compiled: Compiled = { module, ticket };
  self.postMessage(compiled);
}

self.addEventListener('message', ({ data }: MessageEvent<Shared>) => {
  const { guard } = data;
  if (guard === undefined) {
    install(data, compile(data));
    return;
  }
  const notifier = interval.attach(guard.memory);
  // Sections that this thread never starts are never called back here; but its id must be known.
  notifier.registerOps(opsId, { invalidate: () => {} });
  collisionRetrySync(notifier.subscriptionAt(guard.id), {
    read: () => compile(data),
    install: (module) => install(data, module),
  });
});
