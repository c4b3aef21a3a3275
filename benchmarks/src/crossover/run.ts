/**
 * One observation of the crossover: the start and the end of a section, among so many subscriptions, each of which has
 * something to tear down.
 *
 * Some drivers forget a subscription's place when it was torn down, until it faults again. So sections that hit come in batches
 * over different subscriptions; between batches workers do what sections left to them and everything faults again, untimed. Batches are small for few subscriptions;
 * what reading the clock costs is measured and taken off.
 */
import { performance } from 'node:perf_hooks';
import {
  isPromise,
  overlaps,
  type Notifier,
  type Span,
  type Subscription,
} from '@mmu-notifier/core';
import { contenderOf } from '@mmu-notifier/harness/strategies';
import type { Observation } from '../method.ts';
import { seededRandom } from '../random.ts';
import { shuffled } from '../tree/operations.ts';

/** A page each, and room between them. Small, since scif-dma caches no more than 512 MiB. */
const page = 4096;
const pitch = 4 * page;

/** What a section meets. */
export type Meets = 'no hit' | 'one hit';

/** The work. */
export interface CrossoverInput {
  readonly subscriptions: number;
  readonly meets: Meets;
  readonly seed: number;
  readonly budgetMs: number;
}

/** Sections of one pass: fewer where lists of so many subscriptions take long for each. */
function sectionsPerPass(subscriptions: number): number {
  return Math.max(16, Math.min(256, Math.floor(2 ** 21 / subscriptions)));
}

interface World {
  readonly mm: Notifier;
  readonly subscriptions: readonly Subscription[];
  /** One over (or beside) each of so many subscriptions: the first ones of a random order. */
  readonly sections: readonly Span[];
  /** Callbacks so far whose range met their span. */
  reached(): number;
}

/** Subscribes, and has everything fault in. */
async function prepare(label: string, input: CrossoverInput): Promise<World> {
  const { subscriptions: count, meets, seed } = input;
  const { strategy, variant } = contenderOf(label);
  const mm = strategy.create({ variant, capacity: count + 1 });
  const spans = shuffled(count, seededRandom(seed)).map((slot) => spanAt(slot));
  let reached = 0;
  const ops = {
    invalidate(range: Span, cookie: number): void {
      if (overlaps(range, spans[cookie]!)) reached++;
    },
  };
  const subscriptions: Subscription[] = [];
  for (const [cookie, span] of spans.entries()) {
    const made = mm.subscribe(span, ops, { cookie });
    subscriptions.push(isPromise(made) ? await made : made);
  }
  const world = {
    mm,
    subscriptions,
    sections: sectionsOver(spans, meets),
    reached: () => reached,
  };
  await fault(world, 0, count);
  return world;
}

/** Within spans, each once; or behind them, in turn, as many as are timed in one go. */
function sectionsOver(spans: readonly Span[], meets: Meets): Span[] {
  const perPass = sectionsPerPass(spans.length);
  const hits = meets === 'one hit';
  return Array.from({ length: hits ? Math.min(spans.length, perPass) : perPass }, (_, k) => {
    const start = spans[k % spans.length]!.start + (hits ? 0 : 2 * page);
    return { start, end: start + page / 2 };
  });
}

/** Raises every section by itself; returns how many reached a subscription that they met. */
export async function countReached(label: string, input: CrossoverInput): Promise<number> {
  return countSections(await prepare(label, input));
}

/** Repeats passes for about `budgetMs`, after as long to warm up; the fastest counts. */
export async function observeCrossover(label: string, input: CrossoverInput): Promise<Observation> {
  const world = await prepare(label, input);
  const reached = await countSections(world);
  const overheadMs = clockOverheadMs();
  const { budgetMs } = input;
  const begin = performance.now();
  let fastestMs = Infinity;
  let passes = 0;
  do {
    const isWarm = performance.now() - begin > budgetMs;
    const ms = await pass(world, input, overheadMs);
    if (!isWarm) continue;
    passes++;
    fastestMs = Math.min(fastestMs, ms);
  } while (passes < 3 || performance.now() - begin < 2 * budgetMs);
  if ((await countSections(world)) !== reached) {
    throw new Error('the same sections met others the second time');
  }
  return {
    nsPerOperation: (fastestMs * 1e6) / sectionsPerPass(input.subscriptions),
    hash: `${reached}`,
    passes,
  };
}

/** The time of a pass's sections, without the faults between them. */
async function pass(
  world: World,
  { meets, subscriptions }: CrossoverInput,
  overheadMs: number,
): Promise<number> {
  const { mm, sections } = world;
  const count = sectionsPerPass(subscriptions);
  const batch = meets === 'no hit' ? sections.length : Math.ceil(sections.length / 4);
  let ms = 0;
  let from = 0;
  for (let done = 0; done < count;) {
    const to = Math.min(from + batch, from + count - done, sections.length);
    const start = performance.now();
    raise(mm, sections, from, to);
    ms += performance.now() - start - overheadMs;
    if (meets === 'one hit') {
      await untilWorkersRan();
      await fault(world, from, to);
    }
    done += to - from;
    from = to === sections.length ? 0 : to;
  }
  return ms;
}

function raise(mm: Notifier, sections: readonly Span[], from: number, to: number): void {
  for (let k = from; k < to; k++) {
    now(mm.invalidateRangeEnd(now(mm.invalidateRangeStart(sections[k]!))));
  }
}

async function countSections(world: World): Promise<number> {
  let count = 0;
  for (const [k, section] of world.sections.entries()) {
    const before = world.reached();
    raise(world.mm, [section], 0, 1);
    await untilWorkersRan();
    if (world.reached() === before) continue;
    count++;
    await fault(world, k, k + 1);
  }
  return count;
}

/** Lets the workers of drivers do what sections left to them. */
function untilWorkersRan(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Has subscriptions fault in. */
async function fault({ subscriptions }: World, from: number, to: number): Promise<void> {
  for (let k = from; k < to; k++) {
    const subscription = subscriptions[k]!;
    const begun = subscription.readBegin();
    const published = subscription.publish(isPromise(begun) ? await begun : begun, () => {});
    const isPublished = isPromise(published) ? await published : published;
    if (!isPublished) throw new Error('a publication was refused without a section');
  }
}

function spanAt(slot: number): Span {
  const start = (slot + 1) * pitch;
  return { start, end: start + page };
}

/** What two readings of the clock cost, one after the other: the median. */
function clockOverheadMs(): number {
  const samples = Array.from({ length: 20_001 }, () => {
    const start = performance.now();
    return performance.now() - start;
  });
  return samples.sort((a, b) => a - b)[10_000]!;
}

/** Nobody else is at work, so a section has nothing to wait for. */
function now<T>(value: T | Promise<T>): T {
  if (isPromise(value)) throw new Error('a section waited, with nobody to wait for');
  return value;
}
