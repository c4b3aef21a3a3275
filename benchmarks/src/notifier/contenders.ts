/** The notifiers that are compared. */
import type { Notifier } from '@mmu-notifier/core';
import { hlistSrcu } from '@mmu-notifier/hlist-srcu';
import { interval as local } from '@mmu-notifier/interval';
import { interval } from '@mmu-notifier/interval/shared';
import { reference } from '@mmu-notifier/reference';

/** Where sections are raised, and where to subscribe to them. */
export interface AddressSpace {
  readonly mm: Notifier;
  readonly devices: Notifier;
}

const MAKERS: Record<string, (capacity: number) => Notifier | AddressSpace> = {
  interval: () => local.create(),
  'interval/shared': (capacity) => interval.create({ capacity }),
  'interval/shared, shared memory': (capacity) =>
    interval.create({ capacity, memory: new SharedArrayBuffer(interval.byteLength(capacity)) }),
  'interval/shared, an empty list beside it': (capacity) =>
    interval.create({ capacity, legacy: hlistSrcu }),
  'list of an empty interval/shared': (capacity) => {
    const mm = interval.create({ capacity, legacy: hlistSrcu });
    return { mm, devices: mm.legacy };
  },
  'hlist-srcu': (capacity) => hlistSrcu.create({ capacity }),
  'hlist-srcu, shared memory': (capacity) =>
    hlistSrcu.create({ capacity, memory: new SharedArrayBuffer(hlistSrcu.byteLength(capacity)) }),
  reference: (capacity) => reference.create({ capacity }),
};

export const NAMES: readonly string[] = Object.keys(MAKERS);

/** For a first look, and with subscriptions so many that a pass over a list takes milliseconds: one list says what there is to say. */
export const FEW_NAMES: readonly string[] = [
  'interval',
  'interval/shared',
  'interval/shared, shared memory',
  'hlist-srcu',
  'reference',
];

export function makeAddressSpace(name: string, capacity: number): AddressSpace {
  const made = MAKERS[name]?.(capacity);
  if (made === undefined) throw new Error(`no notifier ${name}`);
  return 'mm' in made ? made : { mm: made, devices: made };
}
