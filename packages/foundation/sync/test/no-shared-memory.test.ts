/** Agents where there is no SharedArrayBuffer: a page that is not isolated. */
import { afterEach, describe, expect, it } from 'vitest';
import { requireSharedMemory, spawnAgent } from '../src/agents.ts';
import { thrownBy } from './thrown.ts';

const { SharedArrayBuffer } = globalThis;

afterEach(() => void Object.assign(globalThis, { SharedArrayBuffer }));

const refusal = {
  code: 'MMN_OPTION',
  message:
    'expected SharedArrayBuffer, which browsers offer to cross-origin isolated pages only (COOP and COEP), got none: use one event loop',
};

describe('without shared memory', () => {
  it('agents are refused, and it is said why', () => {
    requireSharedMemory();
    Object.assign(globalThis, { SharedArrayBuffer: undefined });
    expect(thrownBy(() => requireSharedMemory())).toEqual(refusal);
    expect(thrownBy(() => spawnAgent(new URL('./nowhere.ts', import.meta.url)))).toEqual(refusal);
  });
});

describe('an agent', () => {
  it.each([
    ['./worker.js', "'./worker.js'"],
    [7, 'number'],
    [undefined, 'undefined'],
  ])('is not started from %s', (module, came) => {
    expect(thrownBy(() => spawnAgent(module as unknown as URL))).toEqual({
      code: 'MMN_OPTION',
      message: `expected the module's URL, got ${came}: new URL('./worker.js', import.meta.url)`,
    });
  });
});
