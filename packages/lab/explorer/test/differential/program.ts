/**
 * Random small programs in a tiny machine language, which both sides run: the explorer as JavaScript that calls Atomics
 * (`createBody`), the oracle on states of its own (oracle.ts).
 *
 * Words: 0 a spin lock, 1 and 2 accessed by Atomics, 3 and 4 by plain code under the lock (or not), 5 a flag, 6 and 7 one
 * element of 64 bits. Registers hold integers.
 */
import { choose, free } from '../../src/index.ts';

export const wordCount = 8;
export const registerCount = 3;

/** One instruction. `r` are registers, `x` words, `n` and `e` constants, `to` places in the code. */
export type Instruction =
  | { op: 'load' | 'read'; r: number; x: number }
  | { op: 'store' | 'write'; x: number; n: number }
  | { op: 'writeSum'; x: number; r: number; n: number }
  | { op: 'add' | 'exchange'; r: number; x: number; n: number }
  | { op: 'cas'; r: number; x: number; e: number; n: number }
  | { op: 'wait'; r: number; x: number; e: number; patience: 'none' | 'some' | 'endless' }
  | { op: 'notify'; r: number; x: number; n: number }
  | { op: 'load64'; r: number }
  | { op: 'store64'; n: number }
  | { op: 'choose'; r: number; n: number }
  | { op: 'free'; x: number }
  | { op: 'pause' }
  | { op: 'set'; r: number; n: number }
  | { op: 'addTo'; r: number; n: number }
  | { op: 'ifEqual' | 'ifNot'; r: number; n: number; to: number }
  | { op: 'out'; r: number }
  | { op: 'failIf'; r: number; n: number };

export type Code = readonly Instruction[];
export type Program = readonly Code[];

/** The program's thread as JavaScript: each instruction at a place of its own in the code, as the explorer expects of loops. */
export function createBody(code: Code): (shared: SharedArrayBuffer) => string {
  const lines = code.map((i, pc) => `case ${pc}: ${toJavaScript(i)}`);
  const source = `
    const m = new Int32Array(shared), wide = new BigInt64Array(shared, 24, 1), reg = [0, 0, 0];
    const waited = ['ok', 'not-equal', 'timed-out'];
    let out = '', pc = 0;
    for (;;) switch (pc) {
      ${lines.join('\n')}
      default: return out;
    }`;
  // oxlint-disable-next-line typescript/no-implied-eval -- the sources are made here
  const body = new Function('shared', 'choose', 'free', source) as (
    shared: SharedArrayBuffer,
    chooseOne: typeof choose,
    freeOne: typeof free,
  ) => string;
  return (shared) => body(shared, choose, free);
}

function toJavaScript(i: Instruction): string {
  const to = 'r' in i ? `reg[${i.r}] = ` : '';
  switch (i.op) {
    case 'load':
      return `${to}Atomics.load(m, ${i.x});`;
    case 'read':
      return `${to}m[${i.x}];`;
    case 'store':
      return `Atomics.store(m, ${i.x}, ${i.n});`;
    case 'write':
      return `m[${i.x}] = ${i.n};`;
    case 'writeSum':
      return `m[${i.x}] = reg[${i.r}] + ${i.n};`;
    case 'add':
    case 'exchange':
      return `${to}Atomics.${i.op}(m, ${i.x}, ${i.n});`;
    case 'cas':
      return `${to}Atomics.compareExchange(m, ${i.x}, ${i.e}, ${i.n});`;
    case 'wait': {
      const limit = { none: '0', some: '10', endless: 'Infinity' }[i.patience];
      return `${to}waited.indexOf(Atomics.wait(m, ${i.x}, ${i.e}, ${limit}));`;
    }
    case 'notify':
      return `${to}Atomics.notify(m, ${i.x}, ${i.n});`;
    case 'load64':
      return `${to}Number(Atomics.load(wide, 0));`;
    case 'store64':
      return `Atomics.store(wide, 0, ${i.n}n);`;
    case 'choose':
      return `${to}choose(${i.n});`;
    case 'free':
      return `free(m.subarray(${i.x}, ${i.x + 1}));`;
    case 'pause':
      return 'Atomics.pause();';
    case 'set':
      return `${to}${i.n};`;
    case 'addTo':
      return `reg[${i.r}] += ${i.n};`;
    case 'ifEqual':
    case 'ifNot':
      return `if (reg[${i.r}] ${i.op === 'ifNot' ? '!==' : '==='} ${i.n}) { pc = ${i.to}; continue; }`;
    case 'out':
      return `out += reg[${i.r}] + ',';`;
    default:
      return `if (reg[${i.r}] === ${i.n}) throw new Error('failIf');`;
  }
}

/** What kinds of things a random program does. */
export interface Flavour {
  readonly threads: number;
  readonly steps: number;
  /** Plain accesses outside the lock. */
  readonly racy: boolean;
  readonly loops: boolean;
  readonly locks: boolean;
  /** Many waits and notifies of one word. */
  readonly sleepy: boolean;
}

/** A random program. */
export function createProgram(random: (below: number) => number): Program {
  const threads = 2 + (random(5) % 3);
  const stepsMax = [0, 0, 5, 4, 2][threads]!;
  const flavour: Flavour = {
    threads,
    steps: (threads === 4 ? 1 : 2) + random(stepsMax - 1),
    racy: random(3) === 0,
    loops: random(2) === 0,
    locks: random(2) === 0,
    sleepy: random(4) === 0,
  };
  return Array.from({ length: threads }, () => createCode(random, flavour));
}

function createCode(random: (below: number) => number, flavour: Flavour): Code {
  const code: Instruction[] = [];
  // Threads of different lengths: some races show only against a long one.
  const steps = Math.max(1, flavour.steps - random(2));
  for (let i = 0; i < steps; i++) addStep(code, random, flavour);
  return code;
}

function addStep(code: Instruction[], random: (below: number) => number, flavour: Flavour): void {
  const x = 1 + random(2);
  const n = random(3);
  const out: Instruction = { op: 'out', r: 0 };
  if (flavour.locks && random(3) === 0) return addLocked(code, random);
  if (flavour.loops && random(4) === 0) return addLoop(code, random);
  if (flavour.racy && random(3) === 0) return addRacy(code, random);
  if (flavour.sleepy && random(2) === 0) return addSleep(code, random);
  switch (random(12)) {
    case 0:
    case 1:
      code.push({ op: 'load', r: 0, x }, out);
      break;
    case 2:
    case 3:
      code.push({ op: 'store', x, n });
      break;
    case 4:
      code.push({ op: 'add', r: 0, x, n }, out);
      break;
    case 5:
      code.push({ op: 'exchange', r: 0, x, n }, out);
      break;
    case 6:
      code.push({ op: 'cas', r: 0, x, e: random(2), n: 1 + n }, out);
      break;
    case 7: {
      const patience = (['none', 'some', 'endless', 'endless'] as const)[random(4)]!;
      code.push({ op: 'wait', r: 0, x, e: random(2), patience }, out);
      break;
    }
    case 8:
      code.push({ op: 'notify', r: 0, x, n: 1 + random(2) }, out);
      break;
    case 9:
      if (random(2) === 0) code.push({ op: 'load64', r: 0 }, out);
      else code.push({ op: 'store64', n: random(3) - 1 });
      break;
    case 10:
      code.push({ op: 'choose', r: 0, n: 2 }, { op: 'ifEqual', r: 0, n: 0, to: code.length + 3 });
      code.push({ op: 'store', x, n });
      break;
    default:
      code.push({ op: 'load', r: 0, x });
      if (random(4) === 0) code.push({ op: 'failIf', r: 0, n: 2 });
      code.push(out);
  }
}

function addLocked(code: Instruction[], random: (below: number) => number): void {
  const x = 3 + random(2);
  const at = code.length;
  if (random(3) === 0) code.push({ op: 'exchange', r: 0, x: 0, n: 1 });
  else code.push({ op: 'cas', r: 0, x: 0, e: 0, n: 1 });
  if (random(2) === 0) {
    code.push({ op: 'ifEqual', r: 0, n: 0, to: at + 4 }, { op: 'pause' });
    code.push({ op: 'ifEqual', r: 2, n: 0, to: at });
  } else {
    code.push({ op: 'ifNot', r: 0, n: 0, to: at });
  }
  code.push({ op: 'read', r: 1, x });
  if (random(2) === 0) code.push({ op: 'writeSum', x, r: 1, n: 1 + random(2) });
  else code.push({ op: 'out', r: 1 });
  if (random(4) === 0) code.push({ op: 'add', r: 1, x: 1, n: 1 });
  code.push({ op: 'store', x: 0, n: 0 });
}

function addLoop(code: Instruction[], random: (below: number) => number): void {
  const at = code.length;
  const pause = random(2) === 0;
  switch (random(5)) {
    case 0: // until a flag is set
      code.push({ op: 'load', r: 0, x: 5 });
      if (pause) code.push({ op: 'pause' });
      code.push({ op: 'ifEqual', r: 0, n: 0, to: at });
      break;
    case 1: // until one of two words is set
      code.push({ op: 'load', r: 0, x: 5 }, { op: 'ifNot', r: 0, n: 0, to: at + (pause ? 5 : 4) });
      if (pause) code.push({ op: 'pause' });
      code.push({ op: 'load', r: 1, x: 1 }, { op: 'ifEqual', r: 1, n: 0, to: at });
      code.push({ op: 'out', r: 0 });
      break;
    case 2: // tries a lock a few times, with pauses
      code.push({ op: 'set', r: 1, n: 0 });
      code.push({ op: 'cas', r: 0, x: 0, e: 0, n: 1 }, { op: 'ifEqual', r: 0, n: 0, to: at + 6 });
      code.push({ op: 'pause' }, { op: 'addTo', r: 1, n: 1 });
      code.push({ op: 'ifNot', r: 1, n: 3, to: at + 1 });
      code.push({ op: 'out', r: 0 }, { op: 'ifNot', r: 0, n: 0, to: at + 9 });
      code.push({ op: 'store', x: 0, n: 0 });
      break;
    case 3: // sleeps until a flag is set, with or without a time-out
      code.push({ op: 'load', r: 0, x: 5 }, { op: 'ifNot', r: 0, n: 0, to: at + 4 });
      code.push({ op: 'wait', r: 1, x: 5, e: 0, patience: pause ? 'some' : 'endless' });
      code.push({ op: 'ifEqual', r: 0, n: 0, to: at });
      break;
    default: // sets the flag, and perhaps tells
      code.push({ op: 'store', x: 5, n: 1 });
      if (pause) code.push({ op: 'notify', r: 1, x: 5, n: 9 });
  }
}

function addSleep(code: Instruction[], random: (below: number) => number): void {
  const patience = (['some', 'endless', 'endless'] as const)[random(3)]!;
  if (random(2) === 0) code.push({ op: 'wait', r: 0, x: 1, e: 0, patience });
  else code.push({ op: 'notify', r: 0, x: 1, n: 1 });
  code.push({ op: 'out', r: 0 });
}

function addRacy(code: Instruction[], random: (below: number) => number): void {
  const x = 3 + random(2);
  switch (random(8)) {
    case 0:
      code.push({ op: 'write', x: 1 + random(2), n: 1 });
      break;
    case 1:
      code.push({ op: 'load', r: 0, x: 6 });
      break;
    case 2:
      code.push({ op: 'free', x });
      break;
    case 3:
      code.push({ op: 'load', r: 0, x: 1 }, { op: 'ifEqual', r: 0, n: 0, to: code.length + 3 });
      code.push({ op: 'write', x, n: 5 });
      break;
    case 4:
    case 5:
      code.push({ op: 'read', r: 0, x }, { op: 'out', r: 0 });
      break;
    default:
      code.push({ op: 'write', x, n: 7 + random(2) });
  }
}
