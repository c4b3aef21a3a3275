/**
 * The oracle: brute force. It visits every reachable state of a program, every access being a step, and has no reduction,
 * no clocks and none of the explorer's code.
 *
 * 1. A race is a reachable state in which the next accesses of two threads conflict.
 * 2. A state is stuck when nothing that can be reached from it differs in memory, output, or who has ended.
 */
import { registerCount, wordCount, type Instruction, type Program } from './program.ts';

/** Everything that a program can do. */
export interface Behaviour {
  /** Final memory and outputs; or, of stuck states, memory, who has ended, and their outputs. */
  readonly outcomes: ReadonlySet<string>;
  readonly isRacy: boolean;
  /** Whether a `failIf` can fail. */
  readonly canFail: boolean;
  readonly states: number;
}

interface Thread {
  pc: number;
  regs: number[];
  out: string;
  /** Of a thread that waits: the word, else -1. */
  asleep: number;
  failed: boolean;
}

interface State {
  mem: number[];
  freed: number;
  threads: Thread[];
  /** Sleeping threads, first in first out. */
  queue: number[];
}

/** Finds out everything; undefined when there are more than `statesMax` states. */
export function bruteForce(program: Program, statesMax = 200_000): Behaviour | undefined {
  const start: State = {
    mem: Array.from({ length: wordCount }, () => 0),
    freed: 0,
    threads: program.map(() => ({
      pc: 0,
      regs: Array.from({ length: registerCount }, () => 0),
      out: '',
      asleep: -1,
      failed: false,
    })),
    queue: [],
  };
  start.threads.forEach((_, t) => runLocal(program, start, t));
  const numbers = new Map<string, number>([[keyOf(start), 0]]);
  const states = [start];
  const essences = [essence(program, start)];
  const before: number[][] = [[]];
  const outcomes = new Set<string>();
  let isRacy = false;
  let canFail = false;
  const leaves: number[] = [];
  const canChange: number[] = [];
  for (let i = 0; i < states.length; i++) {
    const state = states[i]!;
    isRacy ||= hasConflict(program, state);
    canFail ||= state.threads.some((thread) => thread.failed);
    const next = successors(program, state);
    if (next === 'use-after-free') {
      isRacy = true;
      continue;
    }
    if (next.length === 0) leaves.push(i);
    for (const each of next) {
      const key = keyOf(each);
      let number = numbers.get(key);
      if (number === undefined) {
        number = states.push(each) - 1;
        if (number > statesMax) return undefined;
        numbers.set(key, number);
        essences.push(essence(program, each));
        before.push([]);
      }
      before[number]!.push(i);
      if (essences[number] !== essences[i]) canChange.push(i);
    }
  }
  const changes = new Set<number>(canChange);
  for (let i = canChange.pop(); i !== undefined; i = canChange.pop()) {
    for (const j of before[i]!) {
      if (changes.has(j)) continue;
      changes.add(j);
      canChange.push(j);
    }
  }
  states.forEach((_, i) => {
    if (!changes.has(i)) outcomes.add(essences[i]!);
  });
  return { outcomes, isRacy, canFail, states: states.length };
}

/** Memory, who has ended, and what those have put out. */
function essence(program: Program, state: State): string {
  const threads = state.threads.map((thread, t) =>
    thread.pc >= program[t]!.length || thread.failed ? thread.out : '…',
  );
  return `${state.mem.join()} ${threads.join(';')}`;
}

const localOps = new Set(['pause', 'set', 'addTo', 'ifEqual', 'ifNot', 'out', 'failIf']);

/** Does what concerns nobody else. */
function runLocal(program: Program, state: State, t: number): void {
  const thread = state.threads[t]!;
  for (;;) {
    const i = program[t]![thread.pc];
    if (i === undefined || thread.failed || !localOps.has(i.op)) return;
    thread.pc++;
    if (i.op === 'set') thread.regs[i.r] = i.n;
    if (i.op === 'addTo') thread.regs[i.r]! += i.n;
    if (i.op === 'ifEqual' && thread.regs[i.r] === i.n) thread.pc = i.to;
    if (i.op === 'ifNot' && thread.regs[i.r] !== i.n) thread.pc = i.to;
    if (i.op === 'out') thread.out += `${thread.regs[i.r]},`;
    if (i.op === 'failIf' && thread.regs[i.r] === i.n) thread.failed = true;
  }
}

function successors(program: Program, state: State): State[] | 'use-after-free' {
  const next: State[] = [];
  for (let t = 0; t < state.threads.length; t++) {
    const { pc, asleep, failed } = state.threads[t]!;
    const i = program[t]![pc];
    if (i === undefined || failed) continue;
    if (asleep < 0) {
      const words = touched(i);
      if (words.some((x) => (state.freed >> x) & 1)) return 'use-after-free';
    }
    const choices = i.op === 'choose' ? i.n : 1;
    for (let choice = 0; choice < choices; choice++) {
      const after = clone(state);
      if (step(program, after, t, i, choice)) next.push(after);
    }
  }
  return next;
}

function clone({ mem, freed, threads, queue }: State): State {
  return {
    mem: [...mem],
    freed,
    threads: threads.map((thread) => ({ ...thread, regs: [...thread.regs] })),
    queue: [...queue],
  };
}

/** Everything that makes two states different, as a text. */
function keyOf({ mem, freed, threads, queue }: State): string {
  const parts = threads.map(
    ({ pc, regs, out, asleep, failed }) => `${pc} ${regs.join()} ${out} ${asleep} ${failed}`,
  );
  return `${mem.join()};${freed};${queue.join()};${parts.join(';')}`;
}

/** Carries out one access; false when the thread sleeps for ever. */
function step(program: Program, state: State, t: number, i: Instruction, choice: number): boolean {
  const { mem, threads, queue } = state;
  const thread = threads[t]!;
  const finish = (who: number, result: number): void => {
    const code = program[who]![threads[who]!.pc]!;
    if ('r' in code) threads[who]!.regs[code.r] = result;
    threads[who]!.pc++;
    runLocal(program, state, who);
  };
  if (thread.asleep >= 0) {
    if (i.op !== 'wait' || i.patience !== 'some') return false;
    thread.asleep = -1;
    queue.splice(queue.indexOf(t), 1);
    finish(t, 2);
    return true;
  }
  let result = 0;
  switch (i.op) {
    case 'load':
    case 'read':
      result = mem[i.x]!;
      break;
    case 'store':
    case 'write':
      mem[i.x] = i.n;
      break;
    case 'writeSum':
      mem[i.x] = thread.regs[i.r]! + i.n;
      result = thread.regs[i.r]!;
      break;
    case 'add':
      result = mem[i.x]!;
      mem[i.x] = result + i.n;
      break;
    case 'exchange':
      result = mem[i.x]!;
      mem[i.x] = i.n;
      break;
    case 'cas':
      result = mem[i.x]!;
      if (result === i.e) mem[i.x] = i.n;
      break;
    case 'load64':
      result = mem[6]!;
      break;
    case 'store64':
      mem[6] = i.n;
      mem[7] = i.n < 0 ? -1 : 0;
      break;
    case 'choose':
      result = choice;
      break;
    case 'free':
      state.freed |= 1 << i.x;
      break;
    case 'wait':
      if (mem[i.x] !== i.e) result = 1;
      else if (i.patience === 'none') result = 2;
      else {
        thread.asleep = i.x;
        queue.push(t);
        return true;
      }
      break;
    case 'notify': {
      const woken = queue.filter((who) => threads[who]!.asleep === i.x).slice(0, i.n);
      result = woken.length;
      finish(t, result);
      for (const who of woken) {
        queue.splice(queue.indexOf(who), 1);
        threads[who]!.asleep = -1;
        finish(who, 0);
      }
      return true;
    }
  }
  finish(t, result);
  return true;
}

/** The words that an instruction accesses. */
function touched(i: Instruction): number[] {
  if (i.op === 'load64' || i.op === 'store64') return [6, 7];
  return 'x' in i ? [i.x] : [];
}

function hasConflict(program: Program, state: State): boolean {
  const next = state.threads.map((thread, t) =>
    thread.asleep >= 0 || thread.failed ? undefined : program[t]![thread.pc],
  );
  return next.some((a, i) => next.some((b, j) => j > i && a && b && conflict(a, b, state.mem)));
}

function conflict(a: Instruction, b: Instruction, mem: readonly number[]): boolean {
  if (a.op === 'notify' || b.op === 'notify') return false;
  const words = touched(a).filter((x) => touched(b).includes(x));
  if (words.length === 0 || (!writes(a, mem) && !writes(b, mem))) return false;
  const bothAtomic = !isPlain(a) && !isPlain(b);
  return !(bothAtomic && touched(a).length === touched(b).length);
}

const isPlain = (i: Instruction): boolean =>
  i.op === 'read' || i.op === 'write' || i.op === 'writeSum' || i.op === 'free';

/** Whether it would write now: a compareExchange that fails only reads. */
const writes = (i: Instruction, mem: readonly number[]): boolean =>
  i.op === 'cas' ? mem[i.x] === i.e : !['load', 'read', 'load64', 'wait'].includes(i.op);
