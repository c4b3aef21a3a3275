/** The judge of the explored situations: what it lets pass, and what it says of a broken promise. */
import { exploreEvents, type EventWorld } from '@mmu-notifier/explorer';
import { expect, test } from 'vitest';
import { eventSituations, fits } from '../src/explore/events/situations.ts';
import { shapeOf } from '../src/explore/events/shape.ts';
import { Finding, Space } from '../src/explore/events/space.ts';
import { Device } from '../src/explore/events/device.ts';
import { situationsFor } from '../src/explore/situations.ts';
import { contenderOf } from '../src/strategies.ts';

/** Every shape that a situation fails in. */
async function shapesOf(label: string, name: string): Promise<string[]> {
  const situation = eventSituations.find((each) => each.name === name)!;
  const shapes = new Set<string>();
  const { status } = await exploreEvents({
    ...situation.build(contenderOf(label)),
    counts: (failure) => {
      shapes.add(shapeOf(failure));
      return false;
    },
  });
  expect(status).toBe('complete');
  return [...shapes].toSorted();
}

test.each([
  [
    'none',
    'fault',
    [
      'stale before-after',
      'stale before-before',
      'stale before-in',
      'stale in-after',
      'stale in-in',
    ],
  ],
  ['none', 'exit', ['held after the end', 'installed after the end']],
  ['reference', 'fault', []],
  ['interval:v1', 'exit-partner', ['told twice']],
  ['vhost', 'reap-elsewhere', ['refused for nothing']],
  ['umem-odp', 'nested-close', ['hang: invalidator (start), closer (closes)']],
])('%s fails in %s in these ways alone', async (label, name, shapes) => {
  expect(await shapesOf(label, name)).toEqual(shapes);
});

test('a situation that needs what a strategy has not is refused', () => {
  const kvm = contenderOf('kvm');
  expect(() => situationsFor(kvm, ['insert-failed'], undefined)).toThrow(
    /expected a strategy with insertion in two steps for 'insert-failed', got 'kvm'/,
  );
  expect(() => situationsFor(kvm, ['close-exit'], undefined)).toThrow(
    /expected a situation of mode event-loop for 'kvm', got 'close-exit'/,
  );
  const needy = eventSituations.filter(({ needs }) => needs !== undefined);
  expect(needy.every(({ isDefault }) => !isDefault)).toBe(true);
  expect(
    needy.filter((each) => fits(kvm, each)).every(({ needs }) => needs === 'a legacy list'),
  ).toBe(true);
});

test('a callback after close is found where nobody hears of a throw', async () => {
  const { failure } = await exploreEvents({
    strategy: 'preemptions',
    async run(world: EventWorld) {
      const notifier = contenderOf('reference').strategy.create();
      const space = new Space(notifier, world);
      const device = new Device('device', space);
      const { subscribe } = notifier;
      let invalidate: (() => unknown) | undefined;
      notifier.subscribe = function (span, ops, options) {
        if (typeof ops === 'object') {
          invalidate = () =>
            ops.invalidate({ ...space.page, event: 'CLEAR', blockable: true, owner: undefined }, 0);
        }
        return subscribe.call(this, span, ops, options);
      };
      await device.subscribe();
      await world.spawn('device', (actor) => device.close(actor));
      invalidate!(); // by a strategy that is broken
      await world.later('nothing', undefined);
    },
  });
  expect(failure?.error).toBeInstanceOf(Finding);
  expect(shapeOf(failure!)).toBe('called after close');
});
