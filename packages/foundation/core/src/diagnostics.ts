/**
 * What a notifier does, as tracing channels of Node.js and as counters. For Node.js only, and so an entry of its own:
 * `@mmu-notifier/core/diagnostics`.
 *
 * 1. A notifier that nobody observes runs the code that it runs without this entry: nothing of it asks.
 * 2. `observeNotifier` puts its own methods before those of one notifier, and of the subscriptions made from then on,
 *    until it is disposed of. Observed, and nobody listens on a channel: one test and a few additions per call.
 * 3. A listener that throws does not reach the notifier: Node.js reports it as uncaught, later.
 *
 * As with every tracing channel, `start` and `end` enclose the call, and `asyncStart` and `asyncEnd` follow if it had to
 * wait; `error` tells of what it threw. All get one context object, whose `result` is there from `end` or `asyncStart` on.
 */
import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel';
import { checkMethod } from './arguments.ts';
import { isPromise } from './callbacks.ts';
import { NotifierError } from './errors.ts';
import type { MaybePromise, Notifier, Seq, Subscription } from './notifier.ts';
import type { RangeToInvalidate } from './range.ts';
import type { Invalidation } from './sections.ts';

/** What all contexts have. */
interface TraceContext<T> {
  readonly notifier: Notifier;
  /** What the call returned, or its promise resolved to. */
  result?: T;
  /** What it threw, or rejected with. */
  error?: unknown;
}

/** A section starts; `result` is its handle, or `undefined` if somebody would have blocked. */
export interface SectionStartContext extends TraceContext<Invalidation | undefined> {
  readonly range: RangeToInvalidate;
  /** `false`: `tryInvalidateRangeStart`. */
  readonly blockable: boolean;
}

/** A section ends. */
export interface SectionEndContext extends TraceContext<void> {
  readonly invalidation: Invalidation;
}

/** A fault begins: `readBegin`. It is asynchronous if a section was open that it had to wait for. */
export interface ReadContext extends TraceContext<Seq> {
  readonly subscription: Subscription;
}

/** A fault ends: `publish`. A `result` of `false` is a retry. */
export interface PublishContext extends TraceContext<boolean> {
  readonly subscription: Subscription;
  readonly seq: Seq;
}

/** The channels: `mmu-notifier.section`, `.section.end`, `.read` and `.publish`. Of all notifiers that are observed. */
export const channels: {
  readonly sectionStart: TracingChannel<unknown, SectionStartContext>;
  readonly sectionEnd: TracingChannel<unknown, SectionEndContext>;
  readonly read: TracingChannel<unknown, ReadContext>;
  readonly publish: TracingChannel<unknown, PublishContext>;
} = {
  sectionStart: tracingChannel('mmu-notifier.section'),
  sectionEnd: tracingChannel('mmu-notifier.section.end'),
  read: tracingChannel('mmu-notifier.read'),
  publish: tracingChannel('mmu-notifier.publish'),
};

/** Counts since a notifier is observed; readable at any time. */
export interface NotifierCounters {
  /** Sections that started. */
  sections: number;
  /** Of them, those whose start or end had to wait. */
  sectionsThatWaited: number;
  /** `tryInvalidateRangeStart` calls that would have blocked. */
  sectionsRefused: number;
  /** Sections that started and have not ended. */
  openSections: number;
  /** `readBegin` calls. */
  reads: number;
  /** Of them, those that had to wait for a section. */
  readsThatWaited: number;
  /** Reads that were published. */
  published: number;
  /** Reads that collided. */
  refused: number;
  /** Calls that threw or rejected. */
  errors: number;
}

const observed = new WeakSet<Notifier>();

/**
 * Observes a notifier until it is disposed of. To be called right after `create`: subscriptions that exist are not seen.
 *
 *     using diagnostics = observeNotifier(notifier);
 *     channels.publish.subscribe({ end({ result }) { if (result === false) retries.add(1); } });
 *
 * @throws NotifierError `MMN_OPTION` for a notifier that is observed already
 */
export function observeNotifier(notifier: Notifier): NotifierDiagnostics {
  return new NotifierDiagnostics(notifier);
}

/** See {@link observeNotifier}. */
export class NotifierDiagnostics implements Disposable {
  readonly counters: NotifierCounters = {
    sections: 0,
    sectionsThatWaited: 0,
    sectionsRefused: 0,
    openSections: 0,
    reads: 0,
    readsThatWaited: 0,
    published: 0,
    refused: 0,
    errors: 0,
  };
  readonly #notifier: Notifier;
  readonly #undo: (() => void)[] = [];
  /** What the call that is on its way is about: one form of a method may call the other. */
  #running: unknown;

  /** @internal use `observeNotifier` */
  constructor(notifier: Notifier) {
    checkMethod(notifier, 'subscribe', 'notifier');
    if (observed.has(notifier)) {
      throw new NotifierError(
        'MMN_OPTION',
        'expected a notifier that is not observed yet, got one that is: dispose of its diagnostics first',
      );
    }
    observed.add(notifier);
    this.#notifier = notifier;
    this.#observeSections(notifier);
    this.#observeSubscribing(notifier);
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo.splice(0)) undo();
    observed.delete(this.#notifier);
  }

  #observeSections(notifier: Notifier): void {
    const { counters } = this;
    const started = (result: Invalidation | undefined, waited: boolean): void => {
      if (waited) counters.sectionsThatWaited++;
      if (result === undefined) counters.sectionsRefused++;
      else {
        counters.sections++;
        counters.openSections++;
      }
    };
    const ended = (_result: void, waited: boolean): void => {
      if (waited) counters.sectionsThatWaited++;
      counters.openSections--;
    };
    const { sectionStart, sectionEnd } = channels;
    for (const name of [
      'invalidateRangeStart',
      'invalidateRangeStartSync',
      'tryInvalidateRangeStart',
    ] as const) {
      const blockable = name !== 'tryInvalidateRangeStart';
      const start: (
        range: RangeToInvalidate,
        signal?: AbortSignal,
      ) => MaybePromise<Invalidation | undefined> = notifier[name].bind(notifier);
      this.#replace(name, (range: RangeToInvalidate, signal?: AbortSignal) => {
        const context = { notifier, range, blockable };
        return this.#trace(sectionStart, context, () => start(range, signal), started);
      });
    }
    for (const name of ['invalidateRangeEnd', 'invalidateRangeEndSync'] as const) {
      const end = notifier[name].bind(notifier);
      this.#replace(name, (invalidation: Invalidation) => {
        const context = { notifier, invalidation };
        return this.#trace(sectionEnd, context, () => end(invalidation), ended);
      });
    }
  }

  #observeSubscribing(notifier: Notifier): void {
    const seen = new WeakSet<Subscription>();
    const observe = <S extends Subscription>(subscription: S): S => {
      if (!seen.has(subscription)) this.#observeReads(notifier, subscription);
      seen.add(subscription);
      return subscription;
    };
    const subscribe = notifier.subscribe.bind(notifier);
    const subscribeSync = notifier.subscribeSync.bind(notifier);
    this.#replace('subscribe', (...given: Parameters<typeof subscribe>) => {
      const subscribed = subscribe(...given);
      return isPromise(subscribed) ? subscribed.then(observe) : observe(subscribed);
    });
    this.#replace('subscribeSync', (...given: Parameters<typeof subscribe>) =>
      observe(subscribeSync(...given)),
    );
  }

  #observeReads(notifier: Notifier, subscription: Subscription): void {
    const { counters } = this;
    const begun = (_seq: Seq, waited: boolean): void => {
      counters.reads++;
      if (waited) counters.readsThatWaited++;
    };
    const decided = (isPublished: boolean): void => {
      if (isPublished) counters.published++;
      else counters.refused++;
    };
    for (const name of ['readBegin', 'readBeginSync'] as const) {
      const begin: (signal?: AbortSignal) => MaybePromise<Seq> =
        subscription[name].bind(subscription);
      precede(subscription, name, (signal?: AbortSignal) => {
        const context = { notifier, subscription };
        return this.#trace(channels.read, context, () => begin(signal), begun);
      });
    }
    for (const name of ['publish', 'publishSync'] as const) {
      const publish: Subscription['publish'] = subscription[name].bind(subscription);
      precede(subscription, name, (seq: Seq, install: () => unknown, signal?: AbortSignal) => {
        const context = { notifier, subscription, seq };
        return this.#trace(channels.publish, context, () => publish(seq, install, signal), decided);
      });
    }
  }

  #replace(name: string, method: (...given: never[]) => unknown): void {
    const notifier = this.#notifier;
    const own = Object.getOwnPropertyDescriptor(notifier, name);
    precede(notifier, name, method);
    this.#undo.push(() => {
      if (own === undefined) Reflect.deleteProperty(notifier, name);
      else Object.defineProperty(notifier, name, own);
    });
  }

  #trace<T, C extends TraceContext<T>>(
    channel: TracingChannel<unknown, C>,
    context: C,
    call: () => MaybePromise<T>,
    count: (result: T, waited: boolean) => void,
  ): MaybePromise<T> {
    const subject = subjectOf(context);
    const isInner = subject !== undefined && subject === this.#running;
    // Disposed of: subscriptions keep the methods.
    if (isInner || this.#undo.length === 0) return call();
    const isHeard = channel.hasSubscribers;
    const fail = (error: unknown): never => {
      this.counters.errors++;
      context.error = error;
      if (isHeard) channel.error.publish(context);
      throw error;
    };
    let result: MaybePromise<T>;
    const outer = this.#running;
    if (isHeard) channel.start.publish(context);
    this.#running = subject;
    try {
      result = call();
      if (!isPromise(result)) {
        context.result = result;
        count(result, false);
      }
    } catch (error) {
      return fail(error);
    } finally {
      this.#running = outer;
      if (isHeard) channel.end.publish(context);
    }
    if (!isPromise(result)) return result;
    const settled = result.then((value) => {
      context.result = value;
      count(value, true);
      return value;
    }, fail);
    return isHeard ? settled.finally(() => this.#tellSettled(channel, context)) : settled;
  }

  #tellSettled<C extends object>(channel: TracingChannel<unknown, C>, context: C): void {
    channel.asyncStart.publish(context);
    channel.asyncEnd.publish(context);
  }
}

/** Puts a method before that of `target`'s class. */
function precede(target: object, name: string, value: (...given: never[]) => unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

/** What a call is about: the same for both forms of a method, different for calls that a callback makes in it. */
function subjectOf(context: object): unknown {
  const { range, invalidation, subscription } = context as Partial<
    SectionStartContext & SectionEndContext & ReadContext
  >;
  return range ?? invalidation ?? subscription;
}
