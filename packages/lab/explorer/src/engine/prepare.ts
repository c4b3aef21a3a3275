/** From a scenario to machines: runs the setup, and makes the threads' tries. */
import { ExplorerError, refuse } from '../errors.ts';
import { agent, runAs, type Agent } from '../memory/agent.ts';
import { Kind, Operation, outcome, type Bits } from '../memory/operation.ts';
import { createShared, memoryOf } from '../memory/shared-memory.ts';
import type { Scenario, ThreadBody } from '../scenario.ts';
import { Cells } from './cells.ts';
import { Judge } from './judge.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { threadsMax } from './races.ts';
import { Ram } from './ram.ts';
import { Trie } from './trie.ts';

const memoryDefault = 1024;

/** A scenario whose setup has run. */
export class Prepared {
  readonly names: readonly string[];
  readonly byteLength: number;
  readonly #scenario: Scenario;
  readonly #shared: SharedArrayBuffer;
  readonly #initial: Int32Array;

  constructor(scenario: Scenario) {
    const { memory = memoryDefault, threads, setup } = scenario;
    this.names = Object.keys(threads);
    if (this.names.length < 1 || this.names.length > threadsMax) {
      throw new ExplorerError(`expected 1 to ${threadsMax} threads, got ${this.names.length}`);
    }
    if (!Number.isSafeInteger(memory) || memory < 0 || memory > 1 << 28) {
      throw new ExplorerError(
        `expected the memory's size in bytes, at most 256 MiB, got ${memory}`,
      );
    }
    this.byteLength = memory;
    this.#scenario = scenario;
    this.#shared = createShared(memory);
    const cells = new Cells();
    const ram = new Ram(cells, memory);
    if (setup !== undefined) {
      const result: unknown = runAs(new Alone(ram), () => setup(this.#shared));
      if (result instanceof Promise)
        refuse('expected a synchronous setup, got one that returns a promise');
    }
    this.#initial = cells.words.slice();
  }

  /** The size of the smallest element that anybody has used so far. */
  get grainBytes(): 1 | 4 {
    return memoryOf(this.#shared)!.grain.finestBytes < 4 ? 1 : 4;
  }

  /** A machine in which nothing is known yet, and who judges its executions. */
  createMachine(options: Partial<MachineOptions> & { readonly visiblePlain?: boolean }): {
    machine: Machine;
    judge: Judge;
    tries: readonly Trie[];
  } {
    const { threads, check } = this.#scenario;
    const { visiblePlain = false, ...forMachine } = options;
    const tries = this.names.map(
      (name) => new Trie(name, () => this.#run(bodyOf(threads[name]!)), visiblePlain),
    );
    const machine = new Machine(tries, {
      initial: this.#initial,
      byteLength: this.byteLength,
      grainBytes: this.grainBytes,
      finestBytes: () => this.grainBytes,
      attaches: this.names.map((name) => typeof threads[name] !== 'function'),
      ...forMachine,
    });
    const judge = new Judge(
      machine,
      check === undefined
        ? undefined
        : (returned) => this.#run((shared) => check(shared, returned)),
    );
    return { machine, judge, tries };
  }

  #run(body: (shared: SharedArrayBuffer) => unknown): unknown {
    const returned = body(this.#shared);
    if (returned instanceof Promise) {
      throw new ExplorerError(
        'expected a synchronous function, got one that returns a promise: explore asynchronous code with exploreEvents',
      );
    }
    return returned;
  }
}

/** A thread's code as one function. */
export function bodyOf(thread: ThreadBody): (shared: SharedArrayBuffer) => unknown {
  if (typeof thread === 'function') return thread;
  return (shared) => {
    const attached = thread.attach(shared);
    agent().operate(new Operation(Kind.begin, 0, 4));
    return thread.run(attached as never, shared);
  };
}

/** Runs on the memory directly: setup code. */
class Alone implements Agent {
  readonly #ram: Ram;

  constructor(ram: Ram) {
    this.#ram = ram;
  }

  read(offset: number, bytes: 1 | 2 | 4): number {
    return this.#ram.read(offset, bytes);
  }

  write(offset: number, bytes: 1 | 2 | 4, bits: number): void {
    this.#ram.write(offset, bytes, bits);
  }

  operate(operation: Operation): Bits {
    const { kind, offset, bytes } = operation;
    if (kind === Kind.notify) return 0;
    if (kind === Kind.choose) refuse('choose in setup is not modelled: choose in a thread');
    const found = this.#ram.load(offset, bytes);
    if (kind === Kind.wait) {
      if (found === operation.expected) refuse('setup waits, but nobody runs that could wake it');
      return 1;
    }
    this.#ram.store(offset, bytes, outcome(operation, found));
    return found;
  }

  pause(): void {}

  free(): void {
    refuse('free in setup is not modelled: free in a thread');
  }

  note(): void {}
}
