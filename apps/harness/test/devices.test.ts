import { validate, type MemoryEvent } from '@mmu-notifier/workloads';
import { readRecording } from '@mmu-notifier/workloads/node';
import { describe, expect, test } from 'vitest';
import { addDevices, mirrorRules, parseMirrorRule } from '../src/mirror.ts';
import { addTouches } from '../src/touches.ts';
import { recording } from './command.ts';

async function events(file: string): Promise<MemoryEvent[]> {
  return (await readRecording(recording(file))).events;
}

function count(stream: readonly MemoryEvent[], kind: MemoryEvent['kind']): number {
  return stream.filter((event) => event.kind === kind).length;
}

const options = { rule: 'anonymous', devices: 2, seed: 1 };

describe('devices of a recording', () => {
  test.each(['redis-bgsave.perf.txt.gz', 'gcc-compile.perf.txt.gz', 'node-workers.strace.gz'])(
    'make a well-formed stream of %s',
    async (file) => {
      const stream = addDevices(addTouches(await events(file), 1), options);
      expect(validate(stream)).toEqual([]);
      expect(count(stream, 'deviceRegister')).toBeGreaterThan(10);
      expect(count(stream, 'deviceAccess')).toBeGreaterThan(100);
    },
  );

  test('depend on the seed alone', async () => {
    const stream = await events('gcc-compile.perf.txt.gz');
    expect(addDevices(stream, options)).toEqual(addDevices(stream, options));
    expect(addDevices(stream, { ...options, seed: 2 })).not.toEqual(addDevices(stream, options));
  });

  test('leave the recording itself as it was', async () => {
    const stream = await events('gcc-compile.perf.txt.gz');
    const kept = addDevices(stream, options).filter(({ kind }) => !kind.startsWith('device'));
    expect(kept).toEqual(stream);
  });

  test('mirror less or more by the rule', async () => {
    const stream = await events('gcc-compile.perf.txt.gz');
    const mirrored = (rule: string): number =>
      count(addDevices(stream, { ...options, rule }), 'deviceRegister');
    expect(mirrored('all')).toBeGreaterThan(mirrored('anonymous'));
    expect(mirrored('anonymous')).toBeGreaterThan(mirrored('heap'));
    expect(mirrored('large:1')).toBe(mirrored('all'));
    expect(mirrored(`large:${2 ** 40}`)).toBe(0);
  });

  test('every rule that the help names exists', () => {
    for (const rule of Object.keys(mirrorRules)) {
      expect(() => parseMirrorRule(rule.replace('BYTES', '4096'))).not.toThrow();
    }
  });
});

describe('touches', () => {
  test('are added to a recording without page faults only', async () => {
    const strace = await events('redis-bgsave.strace.gz');
    const perf = await events('redis-bgsave.perf.txt.gz');
    expect(count(strace, 'fault')).toBe(0);
    expect(count(addTouches(strace, 1), 'fault')).toBeGreaterThan(1000);
    expect(addTouches(perf, 1)).toBe(perf);
  });
});
