/**
 * The guest machine: an accumulator, a counter, and code of four bytes for each instruction, which it may overwrite.
 *
 *     0 SET 2000        the counter
 *     4 ADD 1           the block that is compiled: [4, 16)
 *     8 ADD 2
 *    12 ADD 3
 *    16 PATCH 5 ← 100   when the counter is at 1000: the first ADD's operand, in the code
 *    20 LOOP 4          counts down, and goes back while there is something left
 *    24 HALT
 */

export const op = { halt: 0, set: 1, add: 2, patch: 3, loop: 4 } as const;

const program = [
  [op.set, 0, 0, 0],
  [op.add, 1, 0, 0],
  [op.add, 2, 0, 0],
  [op.add, 3, 0, 0],
  [op.patch, 5, 100, 0],
  [op.loop, 4, 0, 0],
  [op.halt, 0, 0, 0],
];

/** Bytes of guest memory; all of it is code. */
export const codeBytes: number = program.length * 4;
/** Where the block begins that gets hot, and where it ends. */
export const block = { start: 4, end: 16 } as const;
/** Turns of the loop. */
export const turns = 2000;
/** The turn in which the program changes itself. */
export const patchedTurn = 1000;

export function loadProgram(code: Uint8Array): void {
  code.set(program.flat());
}

/** What the machine needs from whoever runs it. */
export interface Host {
  readonly code: Uint8Array;
  /** The guest writes a byte of its memory. */
  write(address: number, value: number): Promise<void>;
  /** Compiled code for the block at `address`, if there is some now. */
  compiled(address: number): ((accumulator: number) => number) | undefined;
  /** Called before each turn of the loop. */
  beforeTurn(turn: number): Promise<void> | undefined;
}

/** Runs the program to its end; returns the accumulator. */
export async function runGuest(host: Host): Promise<number> {
  const { code } = host;
  let accumulator = 0;
  let counter = 0;
  for (let at = 0; ; at += 4) {
    if (at === block.start) {
      await host.beforeTurn(turns - counter);
      const compiled = host.compiled(at);
      if (compiled !== undefined) {
        accumulator = compiled(accumulator);
        at = block.end;
      }
    }
    const [kind, a, b] = code.subarray(at, at + 4) as unknown as [number, number, number];
    if (kind === op.set) counter = turns;
    else if (kind === op.add) accumulator += a;
    else if (kind === op.patch && counter === turns - patchedTurn) await host.write(a, b);
    else if (kind === op.loop && --counter > 0) at = a - 4;
    else if (kind === op.halt) return accumulator;
  }
}

/** The block's ADDs, from a copy of its code, as a WebAssembly module with one function `run(accumulator)`. */
export function compileBlock(code: Uint8Array): WebAssembly.Module {
  const body = [0x20, 0]; // local.get 0
  for (let at = 0; at < code.length; at += 4) {
    body.push(0x41, ...signed(code[at + 1]!), 0x6a); // i32.const, i32.add
  }
  const functionBody = [0, ...body, 0x0b];
  const sections = [
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    [1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f], // types: (i32) → i32
    [3, 2, 1, 0], // functions: one of that type
    [7, 7, 1, 3, 0x72, 0x75, 0x6e, 0, 0], // exports: "run"
    [0x0a, functionBody.length + 2, 1, functionBody.length, functionBody],
  ];
  return new WebAssembly.Module(new Uint8Array(sections.flat(2)));
}

/** A number from 0 to 255 as signed LEB128. */
function signed(value: number): number[] {
  return value < 64 ? [value] : [(value & 0x7f) | 0x80, value >> 7];
}
