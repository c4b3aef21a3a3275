/** The simulated mm against a naive model; devices read and write through their mirrors. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AddressSpace,
  type Device,
  type Mirror,
  protections,
  type Task,
} from '@mmu-notifier/address-space';
import { NaiveModel } from './naive-model.ts';
import { seeded } from './seed.ts';
import { createMachine, page, type TestMachine } from './set-up.ts';

const base = 0x1000_0000_0000;
const pageCount = 1024;
const { read, write } = protections;

/** One address space, what it should hold, and a device that mirrors all of it. */
interface Side {
  readonly space: AddressSpace;
  readonly model: NaiveModel;
  readonly mirror: Mirror;
}

interface Command {
  readonly kind: keyof typeof simple | 'fork' | 'cpu' | 'device';
  readonly from: number;
  readonly count: number;
  readonly contents: number;
  readonly inChild: boolean;
  readonly writes: boolean;
}

interface Place {
  readonly address: number;
  readonly length: number;
  readonly from: number;
  readonly to: number;
}

/** Operations without a result to compare. */
const simple = {
  mmap: ({ space, model }: Side, { address, length, from, to }: Place) => {
    model.mmap(from, to, false);
    return space.mmap({ address, length });
  },
  mmapShared: ({ space, model }: Side, { address, length, from, to }: Place) => {
    model.mmap(from, to, true);
    return space.mmap({ address, length, shared: true });
  },
  munmap: ({ space, model }: Side, { address, length, from, to }: Place) => {
    model.munmap(from, to);
    return space.munmap(address, length);
  },
  mremap: ({ space, model }: Side, { address, from, to }: Place) => {
    const target = (from + pageCount / 2) % pageCount;
    const vma = space.vmas.find(address);
    // Linux moves one mapping at a time, and not onto itself.
    const most = vma === undefined ? 0 : (vma.end - address) / page;
    const moved = Math.min(to - from, most, pageCount - target, pageCount / 2);
    if (moved === 0) return undefined;
    model.munmap(target, target + moved);
    model.mremap(from, from + moved, target);
    const bytes = { oldLength: moved * page, newLength: moved * page };
    return space.mremap({ address, ...bytes, newAddress: base + target * page });
  },
  readOnly: ({ space, model }: Side, { address, length, from, to }: Place) => {
    model.protect(from, to, false);
    return space.mprotect(address, length, read);
  },
  readWrite: ({ space, model }: Side, { address, length, from, to }: Place) => {
    model.protect(from, to, true);
    return space.mprotect(address, length, read | write);
  },
  dontNeed: ({ space, model }: Side, { address, length, from, to }: Place) => {
    model.discard(from, to);
    return space.madvise(address, length, 'dontneed');
  },
  remove: ({ space, model }: Side, { address, length, from, to }: Place) => {
    model.punch(from, to);
    return space.madvise(address, length, 'remove');
  },
  reclaim: ({ space }: Side, { address, length }: Place) => space.reclaim(address, length),
  migrate: ({ space }: Side, { address, length }: Place) => space.migrate(address, length),
  ksm: ({ space }: Side, { address, length }: Place) => space.ksm(address, length),
  collapse: ({ space }: Side, { address }: Place) => space.collapse(address),
  split: ({ space }: Side, { address }: Place) => space.split(address),
  hinting: ({ space }: Side, { address, length }: Place) => space.numaHinting(address, length),
  softDirty: ({ space }: Side) => space.softDirtyClear(),
  writeback: ({ space }: Side, { address, length }: Place) => space.writeback(address, length),
  deviceMigrate: ({ space, mirror }: Side, { address, length }: Place) =>
    space.deviceMigrate(address, length, mirror.device),
  exclusive: ({ space, mirror }: Side, { address }: Place) =>
    space.deviceExclusive(address, page, mirror.device),
} as const satisfies Record<string, (side: Side, place: Place) => Task<unknown> | undefined>;

const kinds = [
  ...(Object.keys(simple) as (keyof typeof simple)[]),
  ...(['fork', 'cpu', 'cpu', 'cpu', 'device', 'device', 'device'] as const),
];

const command: fc.Arbitrary<Command> = fc.record({
  kind: fc.constantFrom(...kinds),
  from: fc.oneof(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: pageCount - 1 })),
  count: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: pageCount })),
  contents: fc.integer({ min: 1, max: 4 }),
  inChild: fc.boolean(),
  writes: fc.boolean(),
});

async function open(
  machine: TestMachine,
  device: Device,
  space: AddressSpace,
  model: NaiveModel,
): Promise<Side> {
  const span = { start: base, end: base + pageCount * page };
  return { space, model, mirror: await machine.do(device.register(space, span)) };
}

/** Runs a command; returns what the simulation and the model say of it, which must be equal. */
async function apply(
  machine: TestMachine,
  sides: Side[],
  { kind, from, count, contents, inChild, writes }: Command,
): Promise<readonly [unknown, unknown]> {
  const side = sides[inChild ? sides.length - 1 : 0]!;
  const { space, model, mirror } = side;
  const to = Math.min(from + count, pageCount);
  const place = { address: base + from * page, length: (to - from) * page, from, to };
  if (kind === 'cpu') {
    const outcome = await machine.do(space.fault(place.address, writes, contents));
    return [outcome, model.access(from, writes, contents)];
  }
  if (kind === 'device') {
    const { device } = mirror;
    const outcome = await machine.do(device.access(mirror, place.address, writes, contents));
    const expected = model.access(from, writes, contents);
    const isGood = outcome === 'hit' || outcome === 'faulted';
    const seen = isGood ? device.contentsAt(mirror, place.address) : outcome;
    return [seen, expected === 'ok' ? model.read(from) : expected];
  }
  if (kind === 'fork') {
    if (sides.length > 2) return [0, 0];
    const child = await machine.do(space.fork(`child ${sides.length}`));
    sides.push(await open(machine, mirror.device, child, model.fork()));
    return [0, 0];
  }
  const task = simple[kind](side, place);
  if (task !== undefined) await machine.do(task as Task<unknown>);
  return [0, 0];
}

/** The first page about which the simulation and the model disagree. */
function difference({ space, model }: Side): string | undefined {
  for (let number = 0; number < pageCount; number++) {
    const address = base + number * page;
    const isMapped = space.vmas.find(address) !== undefined;
    const contents = space.contentsAt(address);
    if (isMapped !== model.cells.has(number) || contents !== model.read(number)) {
      return `page ${number} of ${space.name}: mapped ${isMapped}, contents ${contents}`;
    }
  }
  return undefined;
}

/** The whole of one history. */
async function replay(commands: readonly Command[]): Promise<void> {
  const machine = createMachine();
  const parent = machine.createAddressSpace('parent');
  // Mapped once and unmapped, nothing appears implicitly: the model could not guess it.
  await machine.do(parent.mmap({ address: base, length: pageCount * page }));
  await machine.do(parent.munmap(base, pageCount * page));
  const sides = [await open(machine, machine.createDevice(), parent, new NaiveModel())];
  for (const each of commands) {
    const [seen, expected] = await apply(machine, sides, each);
    if (seen !== expected) throw new Error(`${each.kind}: expected ${expected}, got ${seen}`);
    for (const side of sides) {
      const found = difference(side);
      if (found !== undefined) throw new Error(`after ${each.kind}: ${found}`);
    }
    machine.verify();
  }
  if (machine.oracle.firstStale !== undefined) throw new Error(machine.oracle.firstStale);
  for (const { space } of sides) await machine.do(space.exit());
  machine.verify();
  const leaked = machine.frames.inUse - machine.sharedFrames.size;
  if (leaked !== 0) throw new Error(`${leaked} frames are in use after every exit`);
}

describe('the address space', () => {
  it(
    'holds what a naive model holds, and no device ever sees anything else',
    { timeout: 60_000 },
    async () => {
      const histories = fc.asyncProperty(fc.array(command, { maxLength: 40 }), replay);
      await expect(fc.assert(histories, { ...seeded, numRuns: 200 })).resolves.toBeUndefined();
    },
  );
});
