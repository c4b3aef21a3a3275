/** Sections as scopes: ended exactly once, whatever happens in between. */
import { describe, expect, it, test } from 'vitest';
import {
  changeRange,
  changeRangeSync,
  openSection,
  openSectionSync,
  SectionTable,
  type Invalidation,
  type MaybePromise,
  type Notifier,
  type RangeToInvalidate,
} from '../src/index.ts';
import { rejectionOf, thrownBy } from './thrown.ts';

const range = { start: 0, end: 8 };

function fail(): never {
  throw new Error('no change');
}

/** The mm's side of a notifier that has nobody to call, and waits when told to. */
class Sections {
  readonly table = new SectionTable();
  waits = false;
  signal: AbortSignal | undefined;

  invalidateRangeStart(to: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    this.signal = signal;
    const handle = this.invalidateRangeStartSync(to);
    return this.waits ? Promise.resolve(handle) : handle;
  }

  invalidateRangeStartSync(to: RangeToInvalidate): Invalidation {
    return this.table.open(to, true).handle as Invalidation;
  }

  invalidateRangeEnd(invalidation: Invalidation): MaybePromise<void> {
    this.invalidateRangeEndSync(invalidation);
    return this.waits ? Promise.resolve() : undefined;
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    this.table.close(this.table.find(invalidation));
  }
}

function setUp(waits: boolean): { sections: Sections; notifier: Notifier } {
  const sections = new Sections();
  sections.waits = waits;
  return { sections, notifier: sections as unknown as Notifier };
}

describe.each([false, true])('changeRange, and the notifier waits: %s', (waits) => {
  it('runs the change inside a section and returns what it returned', async () => {
    const { sections, notifier } = setUp(waits);
    const changed = changeRange(notifier, range, () => sections.table.openCount);
    expect(changed instanceof Promise).toBe(waits);
    expect(await changed).toBe(1);
    expect(sections.table.openCount).toBe(0);
  });

  it('keeps the section open until an asynchronous change is over', async () => {
    const { sections, notifier } = setUp(waits);
    const counts = changeRange(notifier, range, async () => {
      await Promise.resolve();
      return sections.table.openCount;
    });
    expect(await counts).toBe(1);
    expect(sections.table.openCount).toBe(0);
  });

  it('ends the section when the change throws or rejects', async () => {
    const { sections, notifier } = setUp(waits);
    const changes = [fail, async () => fail()];
    for (const change of changes) {
      const changed = (async () => changeRange(notifier, range, change))();
      expect((await rejectionOf(changed)).message).toBe('no change');
      expect(sections.table.openCount).toBe(0);
    }
  });

  it('passes its signal to the start', async () => {
    const { sections, notifier } = setUp(waits);
    const { signal } = new AbortController();
    await changeRange(notifier, range, () => {}, signal);
    expect(sections.signal).toBe(signal);
    await (await openSection(notifier, range)).end();
    expect(sections.signal).toBe(undefined);
  });

  it('[await using] ends a section with its scope, or before it', async () => {
    const { sections, notifier } = setUp(waits);
    for (const endsItself of [false, true]) {
      await using section = await openSection(notifier, range);
      expect([section.isOpen, sections.table.openCount]).toEqual([true, 1]);
      if (endsItself) await section.end();
      expect([section.isOpen, sections.table.openCount]).toEqual([!endsItself, endsItself ? 0 : 1]);
    }
    expect(sections.table.openCount).toBe(0);
  });
});

test('[using] ends a section with its scope, or before it', () => {
  const { sections, notifier } = setUp(false);
  for (const endsItself of [false, true]) {
    using section = openSectionSync(notifier, range);
    expect(sections.table.openCount).toBe(1);
    if (endsItself) section.endSync();
    expect(section.isOpen).toBe(!endsItself);
  }
  expect(sections.table.openCount).toBe(0);
});

test('changeRangeSync ends the section, whatever the change did', () => {
  const { sections, notifier } = setUp(false);
  expect(changeRangeSync(notifier, range, () => sections.table.openCount)).toBe(1);
  expect(thrownBy(() => changeRangeSync(notifier, range, fail)).message).toBe('no change');
  expect(sections.table.openCount).toBe(0);
});

test('changeRangeSync refuses a change that goes on after the section', () => {
  const { sections, notifier } = setUp(false);
  const thrown = thrownBy(() => changeRangeSync(notifier, range, async () => {}));
  expect(thrown.code).toBe('MMN_CALLBACK_ASYNC');
  expect(thrown.message).toContain('got a promise');
  expect(sections.table.openCount).toBe(0);
});

test.each([
  [{ start: 8, end: 8 }, 'MMN_RANGE_EMPTY'],
  [{ start: 8, end: 0 }, 'MMN_RANGE_INVERTED'],
  [{ start: 0.5, end: 8 }, 'MMN_ADDRESS'],
])('a wrong range starts no section and runs no change: %o', (wrong, code) => {
  const { sections, notifier } = setUp(false);
  for (const act of [changeRange, changeRangeSync]) {
    expect(thrownBy(() => act(notifier, wrong, fail)).code).toBe(code);
  }
  expect(sections.table.openCount).toBe(0);
});
