import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generate, validate, WorkloadError, workloads, type MemoryEvent } from '../src/index.ts';
import { seeded } from './seed.ts';

function hash(events: readonly MemoryEvent[]): string {
  return createHash('sha256').update(JSON.stringify(events)).digest('hex').slice(0, 16);
}

/** Pinned: a stream is the same on every machine, and changing one is a change that users notice. */
const pinned: Record<string, string> = {
  'rdma-registrations': '08999422a796d44d',
  'gpu-user-pointers': '5d330e3150aae09f',
  'kvm-memslots': 'b4d4ec8264a6301e',
  'allocator-churn': '6d11cf6f8cc0c90c',
  'fork-cow': '7fae03ec4e506c08',
  'numa-hinting-storm': '2fa88ddd2eebf7ac',
  oom: 'bb24709d0f512adc',
  races: '42e4d048f4c4c63a',
};

describe.each(workloads)('$name', ({ name, options }) => {
  test('gives the same stream for the same seed, and another for another', () => {
    const first = generate(name, { seed: 42, events: 3000 });
    expect(hash(generate(name, { seed: 42, events: 3000 }))).toBe(hash(first));
    expect(hash(generate(name, { seed: 43, events: 3000 }))).not.toBe(hash(first));
    expect(hash(generate(name, { seed: 42 + 2 ** 40, events: 3000 }))).not.toBe(hash(first));
    expect(hash(first)).toBe(pinned[name]);
  });

  test('has as many events as asked, and a shorter stream is the beginning of a longer one', () => {
    const long = generate(name, { events: 2000 });
    expect(long).toHaveLength(2000);
    expect(generate(name, { events: 500 })).toEqual(long.slice(0, 500));
  });

  test('collides: devices touch memory while an operation on it lasts', () => {
    const events = generate(name, { events: 5000 });
    let collisions = 0;
    const open: { address: number; length: number; endNs: number; process: number }[] = [];
    for (const event of events) {
      if (event.kind === 'deviceAccess') {
        const hit = open.find(
          ({ address, length, endNs, process }) =>
            event.beginNs < endNs &&
            process === event.process &&
            event.address >= address &&
            event.address < address + length,
        );
        if (hit !== undefined) collisions++;
      } else if ('length' in event && !event.kind.endsWith('egister')) {
        open.push(event);
        if (open.length > 8) open.shift();
      } else if (event.kind === 'fault' && event.write === true) {
        open.push({ ...event, address: event.address, length: 4096 });
        if (open.length > 8) open.shift();
      }
    }
    expect(collisions).toBeGreaterThan(20);
  });

  test('keeps what the stream promises, whatever the options', () => {
    const given = fc.record(arbitraryOptions(options), { requiredKeys: [] });
    fc.assert(
      fc.property(fc.nat(), given, (seed, given) => {
        expect(validate(generate(name, { ...given, seed, events: 400 }))).toEqual([]);
      }),
      seeded(30),
    );
  });

  test.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 53])('refuses %s events', (events) => {
    expect(() => generate(name, { events })).toThrow(
      expect.objectContaining({ code: 'MMN_WORKLOAD_OPTION' }) as Error,
    );
  });
});

function arbitraryOptions(
  options: readonly { name: string; least: number; most: number }[],
): Record<string, fc.Arbitrary<number>> {
  return Object.fromEntries(
    options.map(({ name, least, most }) => [
      name,
      fc.integer({ min: least, max: Math.min(most, least + 9) }),
    ]),
  );
}

test('[MMN_WORKLOAD_UNKNOWN] lists the names there are', () => {
  expect(() => generate('race')).toThrow(WorkloadError);
  expect(() => generate('race')).toThrow(/^expected a workload \(rdma-.*races\), got "race"$/);
});

test('[MMN_WORKLOAD_OPTION] lists the options there are', () => {
  expect(() => generate('races', { treads: 2 })).toThrow(
    'expected an option of races (seed, events, threads, devices, pages, agents), got "treads"',
  );
  expect(() => generate('races', { threads: 65 })).toThrow(
    'expected threads to be an integer from 1 to 64, got 65',
  );
});
