/**
 * Runs the guest with a compiler in another thread.
 *
 *     guest                                compiler
 *     ------------------------------------ ------------------------------------
 *                                          seq = readBeginSync()
 *                                          copies the block's code
 *     invalidateRangeStart(operand)
 *       invalidate: valid = 0
 *     writes the operand, ends the section
 *                                          compiles what it copied
 *                                          publishSync: refused; naively: valid = 1
 *     Required: the guest never runs what was compiled from the old code.
 *
 * Whoever writes runs the callbacks: here the guest's thread, which is also the one that looks at `valid`.
 */
import { changeRange } from '@mmu-notifier/core';
import { interval } from '@mmu-notifier/interval/shared';
import { block, loadProgram, patchedTurn, runGuest } from './guest.ts';
import { createShared, opsId, word, type Compiled, type Shared } from './protocol.ts';

/** When the block is hot. */
const hotTurn = 100;

/** The program's result, by the interpreter alone. */
export async function interpret(): Promise<number> {
  const { code } = createShared();
  loadProgram(code);
  return runGuest({
    code,
    write: async (address, value) => void (code[address] = value),
    compiled: () => undefined,
    beforeTurn: () => undefined,
  });
}

/** The program's result with compiled code. */
export async function runCompiled(isGuarded: boolean): Promise<number> {
  const { memory, code, state } = createShared();
  loadProgram(code);
  const notifier = interval.create({ memory, capacity: 8 });
  const tearDown = (): void => void Atomics.store(state, word.valid, 0);
  notifier.registerOps(opsId, { invalidate: tearDown });
  const subscription = notifier.subscribeSync(block, opsId);
  const guard = isGuarded ? { memory, id: subscription.id } : undefined;
  const worker = new Worker(new URL('./compiler.worker.ts', import.meta.url), { type: 'module' });
  const compiled = Promise.withResolvers<Compiled>();
  worker.addEventListener('message', ({ data }) => compiled.resolve(data as Compiled));
  worker.addEventListener('error', ({ message }) => compiled.reject(new Error(message)));
  let published: { run: (accumulator: number) => number; ticket: number } | undefined;
  try {
    return await runGuest({
      code,
      async write(address, value) {
        const change = (): void => void (code[address] = value);
        if (isGuarded) await changeRange(notifier, { start: address, end: address + 1 }, change);
        else {
          tearDown();
          change();
        }
      },
      compiled: () => (published?.ticket === state[word.valid] ? published?.run : undefined),
      async beforeTurn(turn) {
        if (turn === hotTurn) {
          const shared: Shared = { code, state, guard };
          worker.postMessage(shared);
          const read = Atomics.waitAsync(state, word.hasRead, 0);
          if (read.async) await read.value;
        } else if (turn === patchedTurn + 1) {
          Atomics.store(state, word.hasWritten, 1);
          Atomics.notify(state, word.hasWritten);
          const { module, ticket } = await compiled.promise;
          const { exports } = new WebAssembly.Instance(module);
          published = { run: exports['run'] as (accumulator: number) => number, ticket };
        }
      },
    });
  } finally {
    worker.terminate();
  }
}
