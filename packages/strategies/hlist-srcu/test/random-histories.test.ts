/** Random histories against the oracle of simulation.ts. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hlistSrcu } from '../src/index.ts';
import { Simulation, type Command, type Mood } from './simulation.ts';
import { memories, seeded, type MemoryKind } from './support.ts';

const small = fc.nat({ max: 5 });
const range = fc.tuple(small, small);
const mood = fc.constantFrom<Mood>('prompt', 'slow', 'reluctant', 'broken', 'twoPass');
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), mood }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), device: small }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('fault' as const), device: small, page: small }),
  },
  {
    weight: 4,
    arbitrary: fc.record(
      { kind: fc.constant('invalidate' as const), range, nested: range },
      { requiredKeys: ['kind', 'range'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), range }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('try' as const), range }) },
);
const history = fc.record({
  devices: fc.array(mood, { minLength: 1, maxLength: 3 }),
  commands: fc.array(command, { minLength: 1, maxLength: 24 }),
  choices: fc.array(fc.nat({ max: 255 }), { minLength: 1, maxLength: 64 }),
});

const capacity = 32;
const runs: Record<MemoryKind, number> = { ArrayBuffer: 1000, SharedArrayBuffer: 300 };

describe.each(memories)('random histories in an %s', { timeout: 60_000 }, (kind) => {
  it('[O1] never show a stale entry, nor one in an open section, and end usable', async () => {
    const total: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(history, async ({ devices, commands, choices }) => {
        const bytes = hlistSrcu.byteLength(capacity);
        const shared = { memory: new SharedArrayBuffer(bytes) };
        const options = kind === 'ArrayBuffer' ? { capacity: 1 } : shared;
        const simulation = new Simulation(hlistSrcu.create(options));
        const subscribing = devices.map((each) => ({ kind: 'subscribe', mood: each }) as const);
        await simulation.run([...subscribing, ...commands], choices);
        for (const [what, count] of Object.entries(simulation.counts)) {
          total[what] = (total[what] ?? 0) + count;
        }
      }),
      { numRuns: runs[kind], ...seeded },
    );
    // Each of these happened: the histories are no idle ones.
    expect(Object.entries(total).filter(([, count]) => count === 0)).toEqual([]);
  });
});
