import { expect, test } from 'vitest';
import { validate, type MemoryEvent } from '../src/index.ts';

function event(fields: object): MemoryEvent {
  const base = { kind: 'fault', process: 1, thread: 1, beginNs: 0, endNs: 0, line: 0, address: 0 };
  return { ...base, write: true, ...fields } as MemoryEvent;
}

const range = { kind: 'munmap', address: 4096, length: 4096 };
const registration = {
  kind: 'deviceRegister',
  device: 0,
  registration: 1,
  address: 0,
  length: 8192,
};
const access = { kind: 'deviceAccess', device: 0, registration: 1, address: 0 };

test.each<[string, object[], string]>([
  ['nothing', [], ''],
  [
    'a fault inside a call of its thread',
    [
      { ...range, endNs: 9 },
      { beginNs: 5, endNs: 5 },
    ],
    '',
  ],
  [
    'a time that runs backwards',
    [{ beginNs: 5, endNs: 5 }, {}],
    'begins before the event in front',
  ],
  ['an end before its begin', [{ beginNs: 5, endNs: 4 }], 'lasts from 5 to 4 ns'],
  ['a fractional time', [{ beginNs: 0.5, endNs: 1 }], 'lasts from 0.5 to 1 ns'],
  [
    'a thread that does two things at once',
    [
      { ...range, endNs: 9 },
      { ...range, beginNs: 5, endNs: 9 },
    ],
    'thread 1 begins munmap before it ends what it does',
  ],
  ['an empty range', [{ ...range, length: 0 }], 'range of 0 bytes'],
  ['a range of parts of pages', [{ ...range, length: 100 }], 'not of whole pages'],
  ['a range beyond 2^53', [{ ...range, address: 2 ** 53 - 4096 }], 'range of 4096 bytes'],
  ['a negative address', [{ address: -1 }], 'fault at address -1'],
  [
    'an empty old range of mremap',
    [{ kind: 'mremap', oldLength: 0, newAddress: 0, newLength: 4096 }],
    '',
  ],
  [
    'an empty new range of mremap',
    [{ kind: 'mremap', oldLength: 4096, newAddress: 0, newLength: 0 }],
    'range of 0 bytes',
  ],
  ['an event after the exit', [{ kind: 'exit' }, {}], 'fault in process 1, which has ended'],
  [
    'a child that begins before its fork is complete',
    [
      { kind: 'fork', child: 2, endNs: 9 },
      { process: 2, thread: 2, beginNs: 5, endNs: 5 },
    ],
    'fault in process 2 before it is complete',
  ],
  ['a fork of a process that exists', [{ kind: 'fork', child: 1 }], 'fork makes process 1'],
  [
    'a fork with the number of a process that has ended',
    [
      { process: 2, thread: 2, kind: 'exit' },
      { kind: 'fork', child: 2 },
    ],
    '',
  ],
  [
    'an exec from borrowed memory into a process that exists',
    [{}, { kind: 'exec', previous: 2 }],
    'exec makes process 1',
  ],
  ['an access inside a registration', [registration, access], ''],
  ['an access without registration', [access], 'device 0 has no registration 1'],
  ['an access by another device', [registration, { ...access, device: 1 }], 'device 1 has no'],
  ['an access in another process', [registration, { ...access, process: 2 }], 'in process 2'],
  ['an access outside', [registration, { ...access, address: 8192 }], 'touches 8192 outside'],
  [
    'an access after the end of the registration',
    [registration, { ...registration, kind: 'deviceUnregister' }, access],
    'has no registration',
  ],
  ['a registration twice', [registration, registration], 'registration 1 again'],
  [
    'the end of a registration with another range',
    [registration, { ...registration, kind: 'deviceUnregister', length: 4096 }],
    'with another range',
  ],
])('judges %s', (_, fields, message) => {
  const messages = validate(fields.map(event)).map((violation) => violation.message);
  expect(messages).toHaveLength(message === '' ? 0 : 1);
  expect(messages.join()).toContain(message);
});

test('stops at the number of violations asked for', () => {
  const events = Array.from({ length: 50 }, () => event({ address: -1 }));
  expect(validate(events)).toHaveLength(20);
  expect(validate(events, 3).map(({ index }) => index)).toEqual([0, 1, 2]);
});
