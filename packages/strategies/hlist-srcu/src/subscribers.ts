/**
 * How subscribers come and go, in one agent: registering, references, leaving, and the functions behind each node.
 *
 * 1. A node that is allocated is listed or freed before its registration returns or throws.
 * 2. A node that leaves is unlinked at once and freed after a grace period, also when nobody waits for it.
 */
import {
  abortable,
  callbackFailed,
  checkSpan,
  invariant,
  isPromise,
  NotifierError,
  OpsRegistry,
  type MaybePromise,
  type SectionExclusion,
  type Span,
  type Steps,
  type SubscribeOptions,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { Node, nodeAt, State } from './layout.ts';
import type { CallContext, LegacyOps } from './ops.ts';
import { Registration } from './registration.ts';
import { HlistSubscription, lockOf, releaseRange, SubscriptionCallbacks } from './subscription.ts';
import type { Transitions } from './transitions.ts';
import { OwnExclusion } from './waits.ts';
import { unregisterPlan, Walk, type Entry, type SrcuDomain, type WalkHost } from './walk.ts';

type IsSame = (other: number) => boolean;

/** See the file's head. */
export class Subscribers implements WalkHost {
  readonly state: Transitions;
  readonly domain: SrcuDomain;
  readonly #exclusion: SectionExclusion | undefined;
  readonly #entries: (Entry | undefined)[] = [];
  readonly #tables = new OpsRegistry();
  readonly #legacyTables = new Map<number, LegacyOps>();
  /** Registrations made by get, by node. */
  readonly #shared = new Map<number, Registration>();

  constructor(state: Transitions, domain: SrcuDomain, exclusion: SectionExclusion | undefined) {
    this.state = state;
    this.domain = domain;
    this.#exclusion = state.isCarried ? exclusion : new OwnExclusion(state);
  }

  registerOps(id: number, ops: SubscriptionOps | LegacyOps): void {
    if ('invalidate' in ops) {
      this.#tables.register(id, ops);
    } else if (Number.isSafeInteger(id) && id >= 0 && id <= 0xffff) {
      this.#legacyTables.set(id, ops);
    } else {
      refuseOption(`expected an ops id from 0 to 65535, got ${String(id)}`);
    }
  }

  subscribe(
    span: Span,
    ops: SubscriptionOps | number,
    options: SubscribeOptions | undefined,
    isSync: boolean,
  ): MaybePromise<HlistSubscription> {
    checkSpan(span, 'span');
    const table = this.#subscriptionTable(ops);
    const cookie = checkCookie(options?.cookie);
    const contents = { ops: idOf(ops), cookie, users: 0, isSubscription: true, hasEnd: true };
    const node = this.state.allocate(contents);
    this.#bindSubscription(node, table);
    const lock = lockOf(this.state, node, table);
    const made = (): HlistSubscription =>
      new HlistSubscription(this, span, new Registration(node, cookie, false), lock);
    const joined = this.#join(node, isSync, options?.signal);
    return isPromise(joined) ? joined.then(made) : made();
  }

  register(
    ops: LegacyOps | number,
    options: SubscribeOptions | undefined,
    isSync: boolean,
  ): MaybePromise<Registration> {
    const cookie = checkCookie(options?.cookie);
    const node = this.#allocateLegacy(ops, cookie, 0);
    const made = (): Registration => new Registration(node, cookie, false);
    const joined = this.#join(node, isSync, options?.signal);
    return isPromise(joined) ? joined.then(made) : made();
  }

  *get(ops: LegacyOps | number, { isSync, signal }: CallContext): Steps<Registration> {
    const table = this.#legacyTable(ops);
    const id = idOf(ops);
    const isSame: IsSame = (other) =>
      this.state.region.words[nodeAt(other) + Node.ops] === id &&
      (id >= 0 || this.#entries[other]?.table === table);
    let node = this.state.get(isSame);
    if (node === 0) {
      const cookie = yield* allocated(table, signal);
      try {
        const fresh = this.#allocateLegacy(ops, checkCookie(cookie), 1);
        node = (yield this.#join(fresh, isSync, signal, isSame)) as number;
        if (node !== fresh) {
          this.#forget(fresh); // somebody else's get came first
          table.free?.(cookie);
        }
      } catch (error) {
        table.free?.(cookie);
        throw error;
      }
    }
    const registration = this.#shared.get(node);
    if (registration !== undefined) {
      registration.users++;
      return registration;
    }
    const made = new Registration(node, this.entryOf(node).cookie, true);
    this.#shared.set(node, made);
    return made;
  }

  put(registration: Registration): void {
    if (!registration.isShared) refuseOption('expected a registration by get, got one by register');
    if (!registration.isOpen) {
      throw new NotifierError('MMN_CLOSED', 'expected a reference by get to put, got none left');
    }
    const { node } = registration;
    const { table, cookie } = this.entryOf(node);
    registration.users--;
    if (!registration.isOpen) this.#shared.delete(node);
    if (!this.state.put(node)) return;
    this.domain.srcu.call(() => {
      this.#forget(node);
      (table as LegacyOps).free?.(cookie);
    });
  }

  /** Before {@link leave}, in the caller's own call. */
  checkLeave(registration: Registration, what: string): void {
    this.refuseInCallback(what);
    if (registration.isShared) refuseOption('expected a registration by register, got one by get');
  }

  /** `unregister`, and `close` of a subscription, whose ops are not told. */
  *leave(registration: Registration, context: CallContext, callsRelease: boolean): Steps<void> {
    const { state, domain } = this;
    const { node } = registration;
    let failure: { readonly reason: unknown } | undefined;
    if (registration.isOpen) {
      registration.users = 0;
      if (callsRelease && state.isListed(node)) {
        const walk = new Walk(this); // an exit may be calling it at the same time (L-1)
        const walked = walk.run(unregisterPlan, releaseRange, context, node);
        registration.releasing = isPromise(walked) ? walked : undefined;
        yield walked;
        registration.releasing = undefined;
        ({ failure } = walk);
      }
      state.unlink(node); // not before: until it has torn down, sections must call it
      state.wakeReaders(node);
    } else if (registration.releasing !== undefined) {
      if (context.isSync) {
        throw new NotifierError(
          'MMN_WOULD_BLOCK',
          'expected no release on its way, which a blocked thread never ends, got one',
        );
      }
      yield abortable(registration.releasing, context.signal); // who called it unlinks first
    }
    const free = (): void => {
      if (registration.isFreed) return;
      registration.isFreed = true;
      this.#forget(node);
    };
    if (registration.isFreed) return;
    try {
      yield this.gracePeriod(context);
    } catch (error) {
      domain.srcu.call(free);
      throw error;
    }
    free();
    if (failure !== undefined) throw failure.reason;
  }

  gracePeriod({ isSync, signal }: CallContext): MaybePromise<void> {
    const { srcu } = this.domain;
    return isSync ? srcu.synchronizeSync() : srcu.synchronize(signal);
  }

  /** For what must not be called in a callback: it would wait for the callback's own read section. */
  refuseInCallback(what: string): void {
    if (this.domain.callbackDepth === 0) return;
    throw new NotifierError(
      'MMN_IN_CALLBACK',
      `expected ${what} to be called outside of callbacks, got called in one`,
    );
  }

  /** The functions behind a node; in shared memory looked up when this agent first meets it. */
  entryOf(node: number): Entry {
    const entry = this.#entries[node];
    const { words } = this.state.region;
    const at = nodeAt(node);
    if (entry !== undefined && entry.birth === words[at + Node.birth]) return entry;
    const id = words[at + Node.ops]!;
    invariant(id >= 0, `node ${node}: expected an ops id, got functions of another notifier`);
    // It may be unlinked at the same time. Pairs with `#link` and `#unlink`.
    if ((this.state.region.load(at + Node.state) & State.isSubscription) !== 0) {
      return this.#bindSubscription(node, this.#subscriptionTable(id));
    }
    const table = this.#legacyTable(id);
    return this.#bind(node, table, table);
  }

  /** Lists a node or frees it again. Returns the node that is listed: this one, or the one that `isSame` found. */
  #join(
    node: number,
    isSync: boolean,
    signal: AbortSignal | undefined,
    isSame?: IsSame,
  ): MaybePromise<number> {
    let joined = 0;
    const join = (): void => void (joined = this.state.join(node, isSame));
    const exclusion = this.#exclusion;
    try {
      if (exclusion === undefined) {
        refuseOption('expected options.exclusion in this agent too, as a carrier counts, got none');
      }
      const waited = isSync ? exclusion.whenIdleSync(join) : exclusion.whenIdle(join, signal);
      if (!isPromise(waited)) return joined;
      return waited.then(
        () => joined,
        (error: unknown) => this.#refuseToJoin(node, error),
      );
    } catch (error) {
      return this.#refuseToJoin(node, error);
    }
  }

  #refuseToJoin(node: number, error: unknown): never {
    this.#forget(node);
    throw error;
  }

  #allocateLegacy(ops: LegacyOps | number, cookie: number, users: number): number {
    const table = this.#legacyTable(ops);
    const hasEnd = table.invalidateRangeEnd !== undefined || table.invalidateRange !== undefined;
    const contents = { ops: idOf(ops), cookie, users, isSubscription: false, hasEnd };
    const node = this.state.allocate(contents);
    this.#bind(node, table, table);
    return node;
  }

  #bindSubscription(node: number, table: SubscriptionOps): Entry {
    const cookie = this.state.region.words[nodeAt(node) + Node.cookie]!;
    return this.#bind(node, table, new SubscriptionCallbacks(this, node, table, cookie));
  }

  #bind(node: number, table: object, ops: LegacyOps): Entry {
    const { words } = this.state.region;
    const at = nodeAt(node);
    const birth = words[at + Node.birth]!;
    const entry = { node, birth, cookie: words[at + Node.cookie]!, table, ops };
    this.#entries[node] = entry;
    return entry;
  }

  #forget(node: number): void {
    this.#entries[node] = undefined;
    this.state.free(node);
  }

  #subscriptionTable(ops: SubscriptionOps | number): SubscriptionOps {
    return this.#tables.resolve(ops, this.state.region.shared);
  }

  #legacyTable(ops: LegacyOps | number): LegacyOps {
    const { shared } = this.state.region;
    const table = typeof ops === 'number' ? this.#legacyTables.get(ops) : shared ? undefined : ops;
    if (typeof table === 'object' && table !== null) return table;
    const came = typeof ops === 'number' ? String(ops) : ops === null ? 'null' : typeof ops;
    throw new NotifierError(
      'MMN_OPS_UNKNOWN',
      `expected ${shared ? '' : 'legacy ops or '}the id of legacy ops registered in this agent with registerOps, got ${came}`,
    );
  }
}

/** `alloc`; what it makes is freed if nobody waits for it any more. */
function* allocated(table: LegacyOps, signal: AbortSignal | undefined): Steps<number> {
  let pending: MaybePromise<number> | undefined;
  try {
    pending = table.alloc?.();
    const made = yield abortable(pending, signal);
    return made === undefined ? 0 : (made as number);
  } catch (error) {
    if (signal?.aborted !== true || error !== signal.reason) throw callbackFailed(error);
    void Promise.resolve(pending).then(
      (cookie) => cookie !== undefined && table.free?.(cookie),
      () => {},
    );
    throw error;
  }
}

function idOf(ops: object | number): number {
  return typeof ops === 'number' ? ops : -1;
}

function checkCookie(cookie: number = 0): number {
  if ((cookie | 0) === cookie) return cookie;
  return refuseOption(`expected cookie to be a 32-bit integer, got ${String(cookie)}`);
}

function refuseOption(message: string): never {
  throw new NotifierError('MMN_OPTION', message);
}
