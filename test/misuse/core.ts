/** Mistakes with the contract's own functions. */
import {
  bigintSpans,
  changeRange,
  changeRangeSync,
  checkFunction,
  checkMethod,
  checkSpan,
  collisionRetry,
  collisionRetrySync,
  derive,
  openSection,
  openSectionSync,
  OpsRegistry,
  runStepsSync,
  SectionTable,
  stringSpans,
  type CollisionRetryOptions,
  type DeriveOptions,
  type Notifier,
  type Subscription,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { observeNotifier } from '@mmu-notifier/core/diagnostics';
import { interval } from '@mmu-notifier/interval';
import { mistake, wrong, type Table } from './misuse.ts';

const nothing = (): void => {};
const span = { start: 0, end: 10 };
const inverted = { start: 6, end: 5 };

function subscribed(): Subscription {
  return interval.create().subscribe(span, { invalidate: nothing });
}

const ofNotifier = mistake.bind(undefined, 'no notifier', 'MMN_OPTION');

export const core: Table = {
  NotifierError: 'takes what its thrower has checked',
  InvariantError: 'takes what its thrower has checked',
  OpenSection: 'made by openSection',
  'OpenSection.end': 'takes nothing; once more is harmless',
  'OpenSection.endSync': 'takes nothing; once more is harmless',
  OpsRegistry: 'takes nothing',
  'OpsRegistry.register': [
    mistake('an id that does not fit', 'MMN_OPTION', 'an ops id from 0 to 65535, got 65536', () =>
      new OpsRegistry().register(65_536, { invalidate: nothing }),
    ),
  ],
  'OpsRegistry.resolve': [
    mistake('an id that nobody registered', 'MMN_OPS_UNKNOWN', 'ops 7 to be registered', () =>
      new OpsRegistry().resolve(7, true),
    ),
    mistake('ops without invalidate', 'MMN_OPS_UNKNOWN', 'an invalidate function, got object', () =>
      new OpsRegistry().resolve(wrong<SubscriptionOps>({}), false),
    ),
    mistake(
      'closures in shared memory',
      'MMN_OPS_UNKNOWN',
      'cannot cross agents, got an object',
      () => new OpsRegistry().resolve({ invalidate: nothing }, true),
    ),
  ],
  Section: 'made by SectionTable',
  SectionTable: 'takes nothing',
  'SectionTable.open': [
    mistake('an inverted range', 'MMN_RANGE_INVERTED', 'range.start < range.end, got [6, 5)', () =>
      new SectionTable().open(inverted, true),
    ),
    mistake('an event that does not exist', 'MMN_EVENT', 'UNMAP, CLEAR', () =>
      new SectionTable().open({ ...span, event: wrong('FREE') }, true),
    ),
  ],
  'SectionTable.find': [
    mistake('what nobody opened', 'MMN_NOT_OPEN', 'and did not end, got 5', () =>
      new SectionTable().find(wrong(5)),
    ),
  ],
  'SectionTable.close':
    'takes a Section that find returned; twice is a mistake of ours, an InvariantError',
  abortable: 'takes any value',
  checkFunction: [
    mistake('no function', 'MMN_OPTION', 'change to be a function, got null', () =>
      checkFunction(null, 'change'),
    ),
  ],
  checkMethod: [
    mistake('a promise of its owner', 'MMN_OPTION', 'got cache as a promise: await it', () =>
      checkMethod(Promise.resolve({}), 'get', 'cache'),
    ),
  ],
  bigintSpans: [
    mistake('a unit of nothing', 'MMN_OPTION', 'unit at least 1, got 0 and 0', () =>
      bigintSpans({ unit: 0n }),
    ),
    mistake('a number for a key', 'MMN_ADDRESS', 'got a value of type number', () =>
      bigintSpans().key(wrong(1)),
    ),
    mistake('a key out of reach', 'MMN_ADDRESS', 'a larger unit reaches further', () =>
      bigintSpans().key(2n ** 60n),
    ),
    mistake('an empty range', 'MMN_RANGE_EMPTY', 'to hold a key, got [1, 1)', () =>
      bigintSpans().range(1n, 1n),
    ),
  ],
  callbackAsync: 'takes any value',
  callbackFailed: 'takes any value',
  callbackRefused: 'takes nothing',
  changeRange: [
    ofNotifier('notifier.invalidateRangeStart to be a function, got undefined', () =>
      changeRange(wrong<Notifier>(undefined), span, nothing),
    ),
    mistake('an inverted range', 'MMN_RANGE_INVERTED', 'range.start < range.end, got [6, 5)', () =>
      changeRange(interval.create(), inverted, nothing),
    ),
    mistake('no change', 'MMN_OPTION', 'change to be a function, got object', () =>
      changeRange(interval.create(), span, wrong({})),
    ),
  ],
  changeRangeSync: [
    ofNotifier('notifier.invalidateRangeStartSync to be a function, got undefined', () =>
      changeRangeSync(wrong<Notifier>({}), span, nothing),
    ),
    mistake('no change', 'MMN_OPTION', 'change to be a function, got undefined', () =>
      changeRangeSync(interval.create(), span, wrong(undefined)),
    ),
    mistake('a change that waits', 'MMN_CALLBACK_ASYNC', 'to return at once, got a promise', () =>
      changeRangeSync(interval.create(), span, async () => {}),
    ),
  ],
  checkSpan: [
    mistake('no span', 'MMN_ADDRESS', 'an object with start and end, got undefined', () =>
      checkSpan(wrong(undefined), 'span'),
    ),
    mistake('text for an address', 'MMN_ADDRESS', 'got a value of type string', () =>
      checkSpan(wrong({ start: '0', end: 1 }), 'span'),
    ),
    mistake('an empty span', 'MMN_RANGE_EMPTY', 'span to hold an address, got [3, 3)', () =>
      checkSpan({ start: 3, end: 3 }, 'span'),
    ),
  ],
  codeOf: 'takes any value',
  collisionCounters: 'takes nothing',
  collisionRetry: [
    mistake(
      'a subscription that was not awaited',
      'MMN_OPTION',
      'subscription as a promise: await it',
      () =>
        collisionRetry(wrong(Promise.resolve(subscribed())), { read: nothing, install: nothing }),
    ),
    mistake('no read', 'MMN_OPTION', 'options.read to be a function, got undefined', () =>
      collisionRetry(subscribed(), wrong<CollisionRetryOptions<void>>({ install: nothing })),
    ),
    mistake('no install', 'MMN_OPTION', 'options.install to be a function, got undefined', () =>
      collisionRetry(subscribed(), wrong<CollisionRetryOptions<void>>({ read: nothing })),
    ),
    mistake('no attempt', 'MMN_OPTION', 'attemptsMax to be an integer of at least 1, got 0', () =>
      collisionRetry(subscribed(), { read: nothing, install: nothing, attemptsMax: 0 }),
    ),
  ],
  collisionRetrySync: [
    mistake('no subscription', 'MMN_OPTION', 'subscription.readBeginSync to be a function', () =>
      collisionRetrySync(wrong(null), { read: nothing, install: nothing }),
    ),
    mistake('no install', 'MMN_OPTION', 'options.install to be a function, got undefined', () =>
      collisionRetrySync(subscribed(), wrong({ read: nothing })),
    ),
    mistake('half an attempt', 'MMN_OPTION', 'an integer of at least 1, got 0.5', () =>
      collisionRetrySync(subscribed(), { read: nothing, install: nothing, attemptsMax: 0.5 }),
    ),
  ],
  deferred: 'takes nothing',
  derive: [
    ofNotifier('notifier.subscribe to be a function, got undefined', () =>
      derive(wrong<Notifier>({}), { read: nothing }),
    ),
    mistake('no read', 'MMN_OPTION', 'options.read to be a function, got undefined', () =>
      derive(interval.create(), wrong<DeriveOptions<void>>({})),
    ),
    mistake('no attempt', 'MMN_OPTION', 'attemptsMax to be an integer of at least 1, got -1', () =>
      derive(interval.create(), { read: nothing, attemptsMax: -1 }),
    ),
    mistake(
      'a read that adds nothing',
      'MMN_RANGE_EMPTY',
      'the ranges that it reads, got none',
      () => derive(interval.create(), { read: nothing }),
    ),
    mistake('an inverted range', 'MMN_RANGE_INVERTED', 'got [6, 5)', () =>
      derive(interval.create(), { read: (reading) => reading.add(inverted) }),
    ),
    mistake(
      'a range that is added too late',
      'MMN_CLOSED',
      'while its read is on, got called after',
      async () => {
        let add: () => unknown = nothing;
        await derive(interval.create(), {
          async read(reading) {
            add = () => reading.add(span);
            await reading.add(span);
          },
        });
        add();
      },
    ),
  ],
  invariant: 'throws what it is told, an InvariantError',
  isPromise: 'takes any value',
  openSection: [
    ofNotifier('notifier.invalidateRangeStart to be a function, got undefined', () =>
      openSection(wrong<Notifier>(null), span),
    ),
    mistake('no range', 'MMN_ADDRESS', 'an object with start and end, got undefined', () =>
      openSection(interval.create(), wrong(undefined)),
    ),
  ],
  openSectionSync: [
    ofNotifier('notifier.invalidateRangeStartSync to be a function, got undefined', () =>
      openSectionSync(wrong<Notifier>('notifier'), span),
    ),
    mistake('no range', 'MMN_ADDRESS', 'an object with start and end, got number', () =>
      openSectionSync(interval.create(), wrong(4096)),
    ),
  ],
  overlaps:
    'compares, in the hottest of loops: whoever takes spans from callers checks them with checkSpan',
  runSteps: 'takes steps, whose types are checked: for strategies',
  runStepsSync: [
    mistake('steps that wait', 'MMN_CALLBACK_ASYNC', 'to return at once, got a promise', () =>
      runStepsSync(
        (function* () {
          yield Promise.resolve();
        })(),
      ),
    ),
  ],
  stringSpans: [
    mistake(
      'an alphabet that does not exist',
      'MMN_OPTION',
      'one of ascii, unicode, got klingon',
      () => stringSpans({ alphabet: wrong('klingon') }),
    ),
    mistake('a key without the prefix', 'MMN_ADDRESS', "begins with 'user:', got 'a'", () =>
      stringSpans({ prefix: 'user:' }).key('a'),
    ),
    mistake('a number for a key', 'MMN_ADDRESS', 'got a value of type number', () =>
      stringSpans().key(wrong(1)),
    ),
    mistake('an inverted range', 'MMN_RANGE_INVERTED', 'start < end, got [b, a)', () =>
      stringSpans().range('b', 'a'),
    ),
  ],
};

export const diagnostics: Table = {
  NotifierDiagnostics: 'made by observeNotifier',

  observeNotifier: [
    ofNotifier('notifier.subscribe to be a function, got undefined', () =>
      observeNotifier(wrong<Notifier>({})),
    ),
    mistake(
      'a notifier that is observed',
      'MMN_OPTION',
      'not observed yet, got one that is',
      () => {
        const notifier = interval.create();
        observeNotifier(notifier);
        observeNotifier(notifier);
      },
    ),
  ],
};
