/** Mistakes with a strategy, its notifiers and their subscriptions: the same for all of them, as the contract is. */
import type {
  CreateOptions,
  Invalidation,
  Notifier,
  Strategy,
  Subscription,
  SubscriptionOps,
} from '@mmu-notifier/core';
import { amdgpuMn } from '@mmu-notifier/amdgpu-mn';
import { gntdev } from '@mmu-notifier/gntdev';
import { hfi1MmuRb } from '@mmu-notifier/hfi1-mmu-rb';
import {
  attachSrcuDomain,
  createSrcuDomain,
  hlistSrcu,
  type HlistNotifier,
  type LegacyOps,
} from '@mmu-notifier/hlist-srcu';
import { hmm } from '@mmu-notifier/hmm';
import { i915Userptr } from '@mmu-notifier/i915-userptr';
import { interval as local } from '@mmu-notifier/interval';
import { interval as scoped } from '@mmu-notifier/interval/scoped';
import { interval } from '@mmu-notifier/interval/shared';
import { interval as v1 } from '@mmu-notifier/interval/v1';
import { interval as variants } from '@mmu-notifier/interval/variants';
import { kvm } from '@mmu-notifier/kvm';
import { radeonMn } from '@mmu-notifier/radeon-mn';
import { reference } from '@mmu-notifier/reference';
import { scifDma } from '@mmu-notifier/scif-dma';
import { umemOdp } from '@mmu-notifier/umem-odp';
import { vhost } from '@mmu-notifier/vhost';
import { mistake, wrong, type Mistake, type Table } from './misuse.ts';

const nothing = (): void => {};
const span = { start: 0, end: 4096 };
const inverted = { start: 8192, end: 4096 };
const ops: SubscriptionOps = { invalidate: nothing };

/** What any function refuses that takes a range. */
function ofRange(what: 'range' | 'span', use: (range: typeof span) => unknown): Mistake[] {
  return [
    mistake(
      'none',
      'MMN_ADDRESS',
      `${what} to be an object with start and end, got undefined`,
      () => use(wrong(undefined)),
    ),
    mistake('text', 'MMN_ADDRESS', `${what}.start to be an integer from 0 to 2^53-1, got a`, () =>
      use(wrong({ start: '0', end: 4096 })),
    ),
    mistake('an empty one', 'MMN_RANGE_EMPTY', `${what} to hold an address, got [5, 5)`, () =>
      use({ start: 5, end: 5 }),
    ),
    mistake('an inverted one', 'MMN_RANGE_INVERTED', `${what}.start < ${what}.end, got [8192`, () =>
      use(inverted),
    ),
  ];
}

function ofStart(use: (range: typeof span) => unknown): Mistake[] {
  return [
    ...ofRange('range', use),
    mistake('an event that does not exist', 'MMN_EVENT', 'one of UNMAP, CLEAR', () =>
      use(wrong({ ...span, event: 'FREE' })),
    ),
  ];
}

function ofEnd(
  use: (notifier: Notifier, invalidation: Invalidation) => unknown,
  create: () => Notifier,
): Mistake[] {
  return [
    mistake('a section that nobody started', 'MMN_NOT_OPEN', 'did not end, got 0', () =>
      use(create(), wrong(0)),
    ),
    mistake('no section', 'MMN_NOT_OPEN', 'did not end, got undefined', () =>
      use(create(), wrong(undefined)),
    ),
    mistake('a second end', 'MMN_NOT_OPEN', 'that this agent started and did not end', async () => {
      const notifier = create();
      const section = await notifier.invalidateRangeStart(span);
      await use(notifier, section);
      await use(notifier, section);
    }),
  ];
}

function ofSubscribe(
  use: (notifier: Notifier, range: typeof span, given: SubscriptionOps) => unknown,
  create: () => Notifier,
): Mistake[] {
  return [
    ...ofRange('span', (range) => use(create(), range, ops)),
    mistake('no ops', 'MMN_OPS_UNKNOWN', 'ops with an invalidate function, got undefined', () =>
      use(create(), span, wrong(undefined)),
    ),
    mistake('ops without invalidate', 'MMN_OPS_UNKNOWN', 'an invalidate function, got object', () =>
      use(create(), span, wrong({})),
    ),
    mistake('an address space that is gone', 'MMN_RELEASED', 'got a released one', async () => {
      const notifier = create();
      await notifier.release();
      await use(notifier, span, ops);
    }),
  ];
}

async function closed(notifier: Notifier): Promise<Subscription> {
  const subscription = await notifier.subscribe(span, ops);
  await subscription.close();
  return subscription;
}

/** What a callback gets when it calls `forbidden`. */
async function fromCallback(notifier: Notifier, forbidden: () => unknown): Promise<void> {
  let tried: Promise<unknown> = Promise.resolve();
  await notifier.subscribe(span, {
    invalidate() {
      tried = new Promise((resolve) => resolve(forbidden()));
      tried.catch(nothing); // looked at below
    },
  });
  await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(span));
  await tried;
}

/** The lines of a notifier's class, as in the contract. */
function notifierTable(name: string, create: () => Notifier): Table {
  const inCallback = (use: (notifier: Notifier) => unknown): Mistake[] => [
    mistake('in a callback', 'MMN_IN_CALLBACK', 'outside of callbacks, got called in one', () => {
      const notifier = create();
      return fromCallback(notifier, () => use(notifier));
    }),
  ];
  return {
    [name]: 'made by create and attach',
    [`${name}.invalidateRangeStart`]: ofStart((range) => create().invalidateRangeStart(range)),
    [`${name}.invalidateRangeStartSync`]: ofStart((range) =>
      create().invalidateRangeStartSync(range),
    ),
    [`${name}.tryInvalidateRangeStart`]: ofStart((range) =>
      create().tryInvalidateRangeStart(range),
    ),
    [`${name}.invalidateRangeEnd`]: ofEnd(
      (notifier, section) => notifier.invalidateRangeEnd(section),
      create,
    ),
    [`${name}.invalidateRangeEndSync`]: ofEnd(
      (notifier, section) => notifier.invalidateRangeEndSync(section),
      create,
    ),
    [`${name}.release`]: inCallback((notifier) => notifier.release()),
    [`${name}.releaseSync`]: inCallback((notifier) => notifier.releaseSync()),
    [`${name}.subscribe`]: ofSubscribe(
      (notifier, range, given) => notifier.subscribe(range, given),
      create,
    ),
    [`${name}.subscribeSync`]: ofSubscribe(
      (notifier, range, given) => notifier.subscribeSync(range, given),
      create,
    ),
    [`${name}.registerOps`]: [
      mistake('an id that does not fit', 'MMN_OPTION', 'an ops id from 0 to 65535, got -1', () =>
        create().registerOps(-1, ops),
      ),
    ],
    [`${name}.verify`]: 'takes nothing; for tests',
  };
}

/** The same of a subscription's. */
function subscriptionTable(name: string, create: () => Notifier): Table {
  const ofUse = (use: (subscription: Subscription) => unknown): Mistake[] => [
    mistake('a closed one', 'MMN_CLOSED', 'an open subscription, got a closed one', async () =>
      use(await closed(create())),
    ),
    mistake('an address space that is gone', 'MMN_RELEASED', 'got a released one', async () => {
      const notifier = create();
      const subscription = await notifier.subscribe(span, ops);
      await notifier.release();
      await use(subscription);
    }),
  ];
  const inCallback = (use: (subscription: Subscription) => unknown): Mistake[] => [
    mistake(
      'in a callback',
      'MMN_IN_CALLBACK',
      'outside of callbacks, got called in one',
      async () => {
        const notifier = create();
        const subscription = await notifier.subscribe(span, ops);
        return fromCallback(notifier, () => use(subscription));
      },
    ),
  ];
  return {
    [name]: 'made by subscribe',
    [`${name}.readBegin`]: ofUse((subscription) => subscription.readBegin()),
    [`${name}.readBeginSync`]: ofUse((subscription) => subscription.readBeginSync()),
    [`${name}.checkRetry`]: 'a hint: of what readBegin did not return it means nothing',
    [`${name}.publish`]: ofUse((subscription) => subscription.publish(wrong(0), nothing)),
    [`${name}.publishSync`]: ofUse((subscription) => subscription.publishSync(wrong(0), nothing)),
    [`${name}.close`]: inCallback((subscription) => subscription.close()),
    [`${name}.closeSync`]: inCallback((subscription) => subscription.closeSync()),
  };
}

const ofCapacity = (use: (capacity: number) => unknown): Mistake[] => [
  mistake('no capacity', 'MMN_OPTION', 'capacity to be an integer from 1 to', () => use(0)),
  mistake('half a capacity', 'MMN_OPTION', 'got 0.5', () => use(0.5)),
];

/** The lines of a strategy. */
function strategyTable<N extends Notifier, O extends CreateOptions>(
  name: string,
  strategy: Strategy<N, O>,
): Table {
  const isShared = strategy.traits().modes.includes('shared-memory');
  const wrongVariant = `(${strategy.variants.join(', ')}), got 'v0'`;
  const create = (options: CreateOptions): N => strategy.create(options as O);
  return {
    [`${name}.traits`]: [
      mistake('a variant that does not exist', 'MMN_OPTION', wrongVariant, () =>
        strategy.traits('v0'),
      ),
    ],
    [`${name}.byteLength`]: isShared
      ? ofCapacity((capacity) => strategy.byteLength(capacity))
      : 'the same for every capacity: drivers keep objects',
    ...(strategy.nameOfWord && {
      [`${name}.nameOfWord`]: 'of an index without a word there is no name',
    }),
    [`${name}.create`]: [
      mistake('a variant that does not exist', 'MMN_OPTION', wrongVariant, () =>
        create({ variant: 'v0' }),
      ),
      mistake('memory that is too small', 'MMN_MEMORY', 'expected', () =>
        create({ memory: new ArrayBuffer(8) }),
      ),
      mistake('a view for memory', 'MMN_MEMORY', 'or a SharedArrayBuffer, got Uint8Array', () =>
        create({ memory: wrong(new Uint8Array(1 << 20)) }),
      ),
      mistake('memory that is in use', 'MMN_MEMORY', 'memory that is zero', () => {
        const memory = new ArrayBuffer(strategy.byteLength(8));
        create({ memory, capacity: 8 });
        create({ memory, capacity: 8 });
      }),
      ...(isShared
        ? ofCapacity((capacity) => create({ capacity }))
        : [
            mistake('shared memory', 'MMN_OPTION', 'memory of one event loop', () =>
              create({ memory: new SharedArrayBuffer(strategy.byteLength(8)) }),
            ),
          ]),
    ],
    [`${name}.attach`]: [
      mistake('memory that nobody laid out', 'MMN_MEMORY', 'expected', () =>
        strategy.attach(new ArrayBuffer(1 << 16)),
      ),
      mistake('no memory', 'MMN_MEMORY', 'expected', () => strategy.attach(wrong(undefined))),
    ],
  };
}

const ofScheme = 'called by the notifier, which has checked';

/** A driver's scheme: what else it exports are its records, for their types. */
function scheme<N extends Notifier, O extends CreateOptions>(
  name: string,
  strategy: Strategy<N, O>,
  ...records: string[]
): Table {
  return {
    ...strategyTable(name, strategy),
    ...Object.fromEntries(
      records.flatMap((record) => [
        [record, ofScheme],
        [`${record}.*`, ofScheme],
      ]),
    ),
  };
}

const intervalClasses: Table = {
  ...notifierTable('IntervalNotifier', () => interval.create()),
  'IntervalNotifier.prepare': [
    mistake('no ops', 'MMN_OPS_UNKNOWN', 'an invalidate function, got undefined', () =>
      interval.create().prepare(wrong(undefined)),
    ),
  ],
  'IntervalNotifier.subscriptionAt': [
    mistake('a number that no subscription has', 'MMN_CLOSED', 'got', () =>
      interval.create().subscriptionAt(99),
    ),
  ],
  'IntervalNotifier.whenIdle': 'called by the notifier that it carries',
  'IntervalNotifier.whenIdleSync': 'called by the notifier that it carries',
  'IntervalNotifier.refuseInCallback': 'called by its subscriptions',
  'IntervalNotifier.forget': 'called by its subscriptions',
  ...subscriptionTable('IntervalSubscription', () => interval.create()),
  'IntervalSubscription.insert': [
    ...ofRange('span', (range) => interval.create().prepare(ops).insert(range)),
    mistake('once more', 'MMN_INSERTED', 'got one that is', () => {
      const subscription = interval.create().prepare(ops);
      subscription.insert(span);
      subscription.insert(span);
    }),
  ],
  ...hooksOf('IntervalSubscription'),
  'IntervalSubscription.adopt': 'called by the notifier',
  'IntervalSubscription.readRetry':
    'takes what readBegin returned, with the lock held; publish does it all',
  'IntervalSubscription.setSeq': 'takes nothing; for ops that lock for themselves',
};

/** The strategy that takes no memory. */
const localStrategyTable: Table = {
  'interval.traits': [
    mistake('a variant that does not exist', 'MMN_OPTION', "(local), got 'v0'", () =>
      local.traits('v0'),
    ),
  ],
  'interval.byteLength': 'the same for every capacity: it lives in objects',
  'interval.create': [
    mistake('a variant of another entry point', 'MMN_OPTION', "got 'v1'", () =>
      local.create({ variant: 'v1' }),
    ),
    mistake('memory', 'MMN_MEMORY', '@mmu-notifier/interval/shared takes yours', () =>
      local.create({ memory: new ArrayBuffer(1 << 16) }),
    ),
  ],
  'interval.attach': [
    mistake('memory', 'MMN_MEMORY', '@mmu-notifier/interval/shared takes yours', () =>
      local.attach(new ArrayBuffer(1 << 16)),
    ),
  ],
};

/** What the base of a subscription's class asks of it. */
function hooksOf(name: string): Table {
  const names = [
    'isReleased',
    'insertAt',
    'remove',
    'untilUncalled',
    'untilUncalledSync',
    'free',
    'refuseNotOpen',
    'refuseInCallback',
  ];
  return Object.fromEntries(names.map((each) => [`${name}.${each}`, 'called by its own methods']));
}

const localClasses: Table = {
  ...notifierTable('LocalNotifier', () => local.create()),
  'LocalNotifier.prepare': [
    mistake('no ops', 'MMN_OPS_UNKNOWN', 'an invalidate function, got undefined', () =>
      local.create().prepare(wrong(undefined)),
    ),
  ],
  'LocalNotifier.insert': 'called by its subscriptions',
  'LocalNotifier.remove': 'called by its subscriptions',
  'LocalNotifier.sectionsOf': 'called by its subscriptions',
  'LocalNotifier.callersOf': 'called by its subscriptions',
  'LocalNotifier.refuseInCallback': 'called by its subscriptions',
  ...subscriptionTable('LocalSubscription', () => local.create()),
  'LocalSubscription.insert': [
    ...ofRange('span', (range) => local.create().prepare(ops).insert(range)),
    mistake('once more', 'MMN_INSERTED', 'got one that is', () => {
      const subscription = local.create().prepare(ops);
      subscription.insert(span);
      subscription.insert(span);
    }),
  ],
  ...hooksOf('LocalSubscription'),
  'LocalSubscription.adopt': 'called by the notifier',
  'LocalSubscription.readRetry':
    'takes what readBegin returned, with the lock held; publish does it all',
  'LocalSubscription.setSeq': 'takes nothing; for ops that lock for themselves',
};

const classesOf = 'a class of @mmu-notifier/interval/shared, where its mistakes are';
const sameClasses: Table = {
  IntervalNotifier: classesOf,
  'IntervalNotifier.*': classesOf,
  IntervalSubscription: classesOf,
  'IntervalSubscription.*': classesOf,
};

const hlist = (): HlistNotifier => hlistSrcu.create();
const legacy: LegacyOps = { release: nothing };

/** What registering by `use` refuses. */
function ofRegister(use: (notifier: HlistNotifier, given: LegacyOps) => unknown): Mistake[] {
  return [
    mistake('no ops', 'MMN_OPS_UNKNOWN', 'got undefined', () => use(hlist(), wrong(undefined))),
    mistake('an address space that is gone', 'MMN_RELEASED', 'got a released one', async () => {
      const notifier = hlist();
      await notifier.release();
      await use(notifier, legacy);
    }),
  ];
}

const hlistClasses: Table = {
  ...notifierTable('HlistNotifier', hlist),
  'HlistNotifier.invalidateRangeOnlyEnd': ofEnd(
    (notifier, section) => (notifier as HlistNotifier).invalidateRangeOnlyEnd(section),
    hlist,
  ),
  'HlistNotifier.invalidateRangeOnlyEndSync': ofEnd(
    (notifier, section) => (notifier as HlistNotifier).invalidateRangeOnlyEndSync(section),
    hlist,
  ),
  'HlistNotifier.clearFlushYoung': ofRange('range', (range) => hlist().clearFlushYoung(range)),
  'HlistNotifier.clearYoung': ofRange('range', (range) => hlist().clearYoung(range)),
  'HlistNotifier.testYoung': [
    mistake('no address', 'MMN_ADDRESS', 'address to be an integer', () => hlist().testYoung(0.5)),
  ],
  'HlistNotifier.changePte': [
    mistake('no address', 'MMN_ADDRESS', 'address to be an integer', () =>
      hlist().changePte(-1, 0),
    ),
  ],
  'HlistNotifier.invalidateRange': ofRange('range', (range) => hlist().invalidateRange(range)),
  'HlistNotifier.register': ofRegister((notifier, given) => notifier.register(given)),
  'HlistNotifier.registerSync': ofRegister((notifier, given) => notifier.registerSync(given)),
  'HlistNotifier.get': ofRegister((notifier, given) => notifier.get(given)),
  'HlistNotifier.getSync': ofRegister((notifier, given) => notifier.getSync(given)),
  'HlistNotifier.unregister': [
    mistake(
      'what get made',
      'MMN_OPTION',
      'a registration by register, got one by get',
      async () => {
        const notifier = hlist();
        await notifier.unregister(await notifier.get(legacy));
      },
    ),
  ],
  'HlistNotifier.unregisterSync': [
    mistake('what get made', 'MMN_OPTION', 'a registration by register, got one by get', () => {
      const notifier = hlist();
      notifier.unregisterSync(notifier.getSync(legacy));
    }),
  ],
  'HlistNotifier.put': [
    mistake('what register made', 'MMN_OPTION', 'by get, got one by register', async () => {
      const notifier = hlist();
      notifier.put(await notifier.register(legacy));
    }),
    mistake('once more', 'MMN_CLOSED', 'a reference by get to put, got none left', async () => {
      const notifier = hlist();
      const registration = await notifier.get(legacy);
      notifier.put(registration);
      notifier.put(registration);
    }),
  ],
  'HlistNotifier.synchronize': 'takes nothing; harmless when there is nothing to wait for',
  ...subscriptionTable('HlistSubscription', hlist),
  Registration: 'made by register and get',
  createSrcuDomain: [
    mistake('memory that is too small', 'MMN_MEMORY', 'bytes, got 8', () =>
      createSrcuDomain(new ArrayBuffer(8)),
    ),
  ],
  attachSrcuDomain: [
    mistake('memory without a domain', 'MMN_MEMORY', 'a region laid out by create', () =>
      attachSrcuDomain(new ArrayBuffer(4096)),
    ),
  ],
};

const ofDriver =
  'a part of a driver’s scheme: the scheme says what it passes, and its types are checked';
const driverParts = [
  'CollisionSequence',
  'Completion',
  'DriverCallbacks',
  'FlatIndex',
  'HmmFaults',
  'HmmRange',
  'HmmRanges',
  'LockMemory',
  'MarkedFaults',
  'NestedLock',
  'SequencedCallbacks',
  'WorkQueue',
];

export const strategies: Readonly<Record<string, Table>> = {
  '@mmu-notifier/amdgpu-mn': scheme('amdgpuMn', amdgpuMn, 'Bo'),
  '@mmu-notifier/gntdev': scheme('gntdev', gntdev, 'GrantMap'),
  '@mmu-notifier/hfi1-mmu-rb': scheme('hfi1MmuRb', hfi1MmuRb, 'UserBuffer'),
  '@mmu-notifier/hlist-srcu': { ...strategyTable('hlistSrcu', hlistSrcu), ...hlistClasses },
  '@mmu-notifier/hlist-srcu/driver': {
    ...notifierTable('DriverNotifier', () => kvm.create()),
    ...subscriptionTable('DriverSubscription', () => kvm.create()),
    ...Object.fromEntries(
      [
        'collided',
        'published',
        'callInvalidate',
        'freed',
        'isHopeless',
        'tearDown',
        'finish',
        'release',
        'hold',
        'unhold',
      ].map((method) => [`DriverSubscription.${method}`, ofDriver]),
    ),
    ...Object.fromEntries(
      driverParts.flatMap((part) => [
        [part, ofDriver],
        [`${part}.*`, ofDriver],
      ]),
    ),
    createFlatIndex: 'takes nothing at all',
    defineDriverStrategy: ofDriver,
    driverTraits: ofDriver,
    lockIn: ofDriver,
    runIn: ofDriver,
  },
  '@mmu-notifier/hmm': scheme('hmm', hmm, 'Mirror'),
  '@mmu-notifier/i915-userptr': scheme('i915Userptr', i915Userptr),
  '@mmu-notifier/interval': { ...localStrategyTable, ...localClasses },
  '@mmu-notifier/interval/shared': { ...strategyTable('interval', interval), ...intervalClasses },
  '@mmu-notifier/interval/scoped': { ...strategyTable('interval', scoped), ...sameClasses },
  '@mmu-notifier/interval/v1': { ...strategyTable('interval', v1), ...sameClasses },
  '@mmu-notifier/interval/variants': {
    ...strategyTable('interval', variants),
    ...sameClasses,
    ...localClasses,
  },
  '@mmu-notifier/kvm': scheme('kvm', kvm, 'Memslot'),
  '@mmu-notifier/radeon-mn': scheme('radeonMn', radeonMn),
  '@mmu-notifier/reference': {
    ...strategyTable('reference', reference),
    ...notifierTable('ReferenceNotifier', () => reference.create()),
    'ReferenceNotifier.refuseInCallback': 'called by its subscriptions',
    'ReferenceNotifier.forget': 'called by its subscriptions',
    ...subscriptionTable('ReferenceSubscription', () => reference.create()),
  },
  '@mmu-notifier/scif-dma': scheme('scifDma', scifDma, 'CopyBuffer'),
  '@mmu-notifier/umem-odp': scheme('umemOdp', umemOdp, 'Umem'),
  '@mmu-notifier/vhost': scheme('vhost', vhost, 'Area'),
};
