/** core's diagnostics, on real notifiers: core itself knows none. */
import { collisionRetry, type Notifier } from '@mmu-notifier/core';
import { channels, observeNotifier } from '@mmu-notifier/core/diagnostics';
import { expect, onTestFinished, test } from 'vitest';
import { thrownBy } from './thrown.ts';
import { span, strategies, turns } from './world.ts';

/** Everything that one notifier's channels say, until the test is over. */
function listen(notifier: Notifier): string[] {
  const heard: string[] = [];
  for (const [name, channel] of Object.entries(channels)) {
    const handler = (event: string) => (message: unknown) => {
      const context = message as { notifier: Notifier; result?: unknown; error?: Error };
      if (context.notifier !== notifier) return;
      const what = context.error?.message ?? (name === 'publish' ? context.result : undefined);
      heard.push([name, event, what].filter((part) => part !== undefined).join(' '));
    };
    const handlers = {
      start: handler('start'),
      end: handler('end'),
      asyncStart: handler('asyncStart'),
      asyncEnd: handler('asyncEnd'),
      error: handler('error'),
    };
    channel.subscribe(handlers);
    onTestFinished(() => void channel.unsubscribe(handlers));
  }
  return heard;
}

test.each(strategies)(
  'sections, faults and retries under $name are told and counted',
  async (strategy) => {
    const notifier = strategy.create();
    using diagnostics = observeNotifier(notifier);
    const subscription = notifier.subscribeSync(span(1), { invalidate: () => {} });
    const heard = listen(notifier);
    let isFirst = true;
    await collisionRetry(subscription, {
      read() {
        if (isFirst) notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(span(1)));
        isFirst = false;
      },
      install: () => {},
    });
    const section = [
      'sectionStart start',
      'sectionStart end',
      'sectionEnd start',
      'sectionEnd end',
    ];
    const fault = ['read start', 'read end'];
    const retried = [...fault, ...section, ...fault, 'publish start', 'publish end true'];
    expect(heard).toEqual(retried); // the hint was certain: the first read was not even published
    const seq = subscription.readBeginSync();
    await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(span(1)));
    expect(await subscription.publish(seq, () => expect.unreachable())).toBe(false);
    expect(heard.at(-1)).toBe('publish end false');
    expect(diagnostics.counters).toMatchObject({
      sections: 2,
      openSections: 0,
      reads: 3,
      published: 1,
      refused: 1,
      errors: 0,
    });
  },
);

test('what waits is told as asynchronous', async () => {
  const notifier = strategies[0]!.create();
  using diagnostics = observeNotifier(notifier);
  const callback = Promise.withResolvers<void>();
  const subscription = notifier.subscribeSync(span(1), { invalidate: () => callback.promise });
  const heard = listen(notifier);
  const section = notifier.invalidateRangeStart(span(1));
  expect(notifier.tryInvalidateRangeStart(span(1))).toBe(undefined);
  const reading = subscription.readBegin();
  callback.resolve();
  await notifier.invalidateRangeEnd(await section);
  await reading;
  await turns();
  expect(heard.filter((each) => each.includes('async'))).toEqual([
    'sectionStart asyncStart',
    'sectionStart asyncEnd',
    'read asyncStart',
    'read asyncEnd',
  ]);
  expect(diagnostics.counters).toMatchObject({
    sections: 1,
    sectionsThatWaited: 1,
    sectionsRefused: 1,
    readsThatWaited: 1,
  });
});

test('what throws and what rejects is told, and passed on', async () => {
  const notifier = strategies[0]!.create();
  using diagnostics = observeNotifier(notifier);
  const heard = listen(notifier);
  expect(thrownBy(() => notifier.invalidateRangeStart({ start: 1, end: 1 })).code).toBe(
    'MMN_RANGE_EMPTY',
  );
  notifier.subscribeSync(span(1), { invalidate: async () => Promise.reject(new Error('no')) });
  await expect(notifier.invalidateRangeStart(span(1))).rejects.toThrow('no');
  expect(heard.filter((each) => each.includes(' error '))).toEqual([
    expect.stringContaining('expected range to hold an address'),
    expect.stringContaining('no'),
  ]);
  expect(diagnostics.counters).toMatchObject({ errors: 2, sections: 0, openSections: 0 });
});

test('a notifier that nobody observes has nothing of it, before and after', async () => {
  const notifier = strategies[0]!.create();
  const { invalidateRangeStart } = notifier;
  const heard = listen(notifier);
  const diagnostics = observeNotifier(notifier);
  expect(notifier.invalidateRangeStart).not.toBe(invalidateRangeStart);
  const subscription = notifier.subscribeSync(span(1), { invalidate: () => {} });
  diagnostics[Symbol.dispose]();
  expect(notifier.invalidateRangeStart).toBe(invalidateRangeStart);
  expect(Object.keys(notifier)).not.toContain('invalidateRangeStart');
  subscription.readBeginSync();
  await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(span(1)));
  expect(heard).toEqual([]);
  diagnostics[Symbol.dispose]();
});

test('misuse: observing twice', () => {
  const notifier = strategies[0]!.create();
  const diagnostics = observeNotifier(notifier);
  expect(thrownBy(() => observeNotifier(notifier))).toMatchObject({
    code: 'MMN_OPTION',
    message: expect.stringContaining('expected a notifier that is not observed yet'),
  });
  diagnostics[Symbol.dispose]();
  using again = observeNotifier(notifier);
  expect(again.counters.sections).toBe(0);
});
