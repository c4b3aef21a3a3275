/**
 * The agent behind a real worker thread: its accesses go to real shared memory, through the engine's own Atomics, but each
 * operation waits for its turn.
 *
 * 1. Whoever has the turn is the only one that runs explored code. It passes the turn on when it stands before its next operation, so its
 *    plain accesses too are made before anybody else goes on.
 * 2. Waiting and notifying explored code is done by turns, not by Atomics.wait and notify: a thread that sleeps has no turn until the
 *    plan says that it wakes. What a wait compares is real.
 */
import type { Agent } from '../memory/agent.ts';
import { unwinding } from '../memory/unwound-promises.ts';
import { Kind, kindNames, Waited, type Bits, type Operation } from '../memory/operation.ts';
import { Control, type Turn, type WorkerPlan, type WorkerReport } from './plan.ts';

/** The engine's own: the globals are replaced while explored code runs. */
const real = { ...pick(Atomics) };

function pick(atomics: typeof Atomics) {
  const { load, store, add, sub, and, or, xor, exchange, compareExchange, wait, notify } = atomics;
  return { load, store, add, sub, and, or, xor, exchange, compareExchange, wait, notify };
}

const turnTimeoutMs = 10_000;

/** See the file's head. */
export class LockStep implements Agent {
  /** Set when the thread did not come to its end. */
  outcome: WorkerReport | undefined;
  readonly #plan: WorkerPlan;
  readonly #control: Int32Array;
  readonly #freed: Uint8Array;
  readonly #views: Record<1 | 2 | 4, Uint8Array | Uint16Array | Int32Array>;
  readonly #wide: BigInt64Array;
  #holdsTurn = false;
  #last: Turn | undefined;
  #repeatsLeft = 0;

  constructor(plan: WorkerPlan) {
    const { memory, control, byteLength } = plan;
    this.#plan = plan;
    this.#control = new Int32Array(control, 0, Control.bytes >> 2);
    this.#freed = new Uint8Array(control, Control.bytes, byteLength);
    this.#views = {
      1: new Uint8Array(memory),
      2: new Uint16Array(memory),
      4: new Int32Array(memory),
    };
    this.#wide = new BigInt64Array(memory);
  }

  /** Waits until the thread may begin. */
  start(): void {
    this.#takeTurn();
  }

  /** The thread has come to its end, one way or another. */
  end(): void {
    this.#passTurn();
  }

  read(offset: number, bytes: 1 | 2 | 4): number {
    this.#checkAccess(offset, bytes);
    return this.#views[bytes][offset / bytes]!;
  }

  write(offset: number, bytes: 1 | 2 | 4, bits: number): void {
    this.#checkAccess(offset, bytes);
    this.#views[bytes][offset / bytes] = bits;
  }

  free(offset: number, byteLength: number): void {
    this.#freed.fill(1, offset, offset + byteLength);
  }

  pause(): void {
    if (this.outcome !== undefined) throw unwinding;
  }

  note(): void {}

  operate(operation: Operation): Bits {
    if (this.outcome !== undefined) throw unwinding;
    if (this.#repeatsLeft > 0) {
      this.#repeatsLeft--;
      return this.#perform(operation, this.#last!);
    }
    const turn = this.#takeTurn();
    const { kind, offset, operand, expected } = operation;
    if (
      turn.kind !== kind ||
      turn.offset !== offset ||
      turn.operand !== operand ||
      turn.expected !== expected
    ) {
      this.#diverge(
        `expected ${kindNames[turn.kind]} of byte ${turn.offset}, got ${operation.toString()}`,
      );
    }
    if (kind === Kind.choose || kind === Kind.begin || kind === Kind.notify)
      return turn.result as Bits;
    this.#checkAccess(offset, operation.bytes);
    this.#last = turn;
    this.#repeatsLeft = turn.repeats;
    return kind === Kind.wait ? this.#wait(operation, turn) : this.#perform(operation, turn);
  }

  /** Does it with the engine's Atomics, and compares what it found. */
  #perform({ kind, offset, bytes, operand, expected }: Operation, turn: Turn): Bits {
    const view = (bytes === 8 ? this.#wide : this.#views[bytes]) as Int32Array;
    const index = offset / bytes;
    const value = operand as number;
    let found: Bits;
    if (kind === Kind.load) found = real.load(view, index);
    else if (kind === Kind.store) found = (real.store(view, index, value), 0);
    else if (kind === Kind.compareExchange) {
      found = real.compareExchange(view, index, expected as number, value);
    } else {
      found = real[kindNames[kind] as 'add'](view, index, value);
    }
    if (kind !== Kind.store && found !== turn.result) {
      this.#diverge(
        `expected ${kindNames[kind]} of byte ${offset} to find ${turn.result}, got ${found}`,
      );
    }
    return found;
  }

  #wait({ offset, bytes, expected }: Operation, turn: Turn): Bits {
    const view = (bytes === 8 ? this.#wide : this.#views[4]) as Int32Array;
    const isEqual = real.load(view, offset / bytes) === expected;
    if (isEqual === (turn.result === Waited.notEqual)) {
      this.#diverge(`expected the wait on byte ${offset} to find another value`);
    }
    if (turn.result !== 'asleep') return turn.result;
    return this.#takeTurn().result as Bits;
  }

  #takeTurn(): Turn {
    this.#passTurn();
    const { turns, thread } = this.#plan;
    for (;;) {
      const number = real.load(this.#control, Control.turn);
      const turn = turns[number];
      if (turn === undefined || real.load(this.#control, Control.abort) !== 0) {
        this.#stop({ how: 'stopped' });
      }
      if (turn.thread === thread) {
        this.#holdsTurn = true;
        return turn;
      }
      if (real.wait(this.#control, Control.turn, number, turnTimeoutMs) === 'timed-out') {
        this.#diverge(`waited ${turnTimeoutMs} ms for its turn`);
      }
    }
  }

  #passTurn(): void {
    if (!this.#holdsTurn) return;
    this.#holdsTurn = false;
    real.add(this.#control, Control.turn, 1);
    real.notify(this.#control, Control.turn);
  }

  #checkAccess(offset: number, bytes: number): void {
    if (this.outcome !== undefined) throw unwinding;
    for (let i = offset; i < offset + bytes; i++) {
      if (this.#freed[i] !== 0) this.#stop({ how: 'freed', offset });
    }
  }

  #diverge(what: string): never {
    const number = real.load(this.#control, Control.turn);
    real.store(this.#control, Control.abort, 1);
    return this.#stop({
      how: 'diverged',
      message: `turn ${number + 1}, ${this.#plan.name}: ${what}`,
    });
  }

  #stop(outcome: WorkerReport): never {
    this.outcome = outcome;
    throw unwinding;
  }
}
