/** What to say of an execution that has come to its end: nobody can take a step any more. */
import type { Fault } from './guard.ts';
import type { Machine } from './machine.ts';
import { Trie } from './trie.ts';

/** An end that is fine, or one that only the search's shortcuts make an end. */
export type Judgement = Fault | 'fine' | 'cut-short';

/** Judges ends of executions on one machine. */
export class Judge {
  readonly #machine: Machine;
  readonly #check: ((returned: Readonly<Record<string, unknown>>) => unknown) | undefined;
  /** The check's behaviour, by what the threads returned. */
  readonly #checks = new Map<string, Trie>();

  constructor(
    machine: Machine,
    check: ((returned: Readonly<Record<string, unknown>>) => unknown) | undefined,
  ) {
    this.#machine = machine;
    this.#check = check;
  }

  /** How often user code was run for checks. */
  get executions(): number {
    return [...this.#checks.values()].reduce((sum, trie) => sum + trie.executions, 0);
  }

  judge(): Judgement {
    const machine = this.#machine;
    if (machine.failure !== undefined) return machine.failure;
    const stuck: number[] = [];
    for (let t = 0; t < machine.threads; t++) if (!machine.hasEnded(t)) stuck.push(t);
    if (stuck.length > 0) return this.#judgeStuck(stuck);
    const thrown = this.#check === undefined ? undefined : machine.check(this.#checkTrie());
    return thrown === undefined ? 'fine' : { kind: 'check', error: thrown.error };
  }

  #judgeStuck(stuck: readonly number[]): Judgement {
    const machine = this.#machine;
    if (stuck.some((t) => machine.canGoOn(t))) return 'cut-short';
    const missed = stuck.some((t) => machine.hasMissedWakeUp(t));
    return { kind: missed ? 'lost-wakeup' : 'deadlock', stuck };
  }

  #checkTrie(): Trie {
    const machine = this.#machine;
    let key = '';
    for (let t = 0; t < machine.threads; t++) {
      const point = machine.point(t);
      point.fingerprint ??= fingerprint(point.returned) ?? `#${point.id}`;
      key += `${point.fingerprint};`;
    }
    let trie = this.#checks.get(key);
    if (trie === undefined) {
      const returned: Record<string, unknown> = {};
      for (let t = 0; t < machine.threads; t++)
        returned[machine.name(t)] = machine.point(t).returned;
      this.#checks.set(key, (trie = new Trie('check', () => this.#check!(returned))));
    }
    return trie;
  }
}

/** A text that is the same only for values that no check can tell apart; undefined for values that have none. */
function fingerprint(value: unknown): string | undefined {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
    if (typeof value === 'symbol') return undefined;
    return Object.is(value, -0) ? '-0' : `${typeof value}:${JSON.stringify(String(value))}`;
  }
  if (!Array.isArray(value)) return undefined;
  const parts = value.map(fingerprint);
  return parts.includes(undefined) ? undefined : `[${parts.join()}]`;
}
