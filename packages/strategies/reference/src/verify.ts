/** What must hold whenever the lock is free: layout.ts's tables, as assertions. */
import { invariant } from '@mmu-notifier/core';
import type { Region } from '@mmu-notifier/sync';
import { Mm, mmAt, Open, slotAt, State, Sub, subAt } from './layout.ts';

/** Checks every word. To be called with the lock held. @throws InvariantError */
export function verifyWords(region: Region): void {
  const { words } = region;
  for (let slot = 0; slot < words[mmAt + Mm.openBound]!; slot++) verifySlot(region, slot);
  for (let id = 0; id < words[mmAt + Mm.subBound]!; id++) verifyRecord(region, id);
}

function verifySlot({ words, wide }: Region, slot: number): void {
  if (words[slotAt(slot) + Open.isOpen] === 0) return;
  const at = slotAt(slot) >> 1;
  const started = wide[(mmAt >> 1) + Mm.sections]!;
  const number = wide[at + Open.number]!;
  const isGiven = number >= 1 && number <= started;
  invariant(isGiven, `section in slot ${slot}: expected a number up to ${started}, got ${number}`);
  verifySpan(`section in slot ${slot}`, wide[at + Open.start]!, wide[at + Open.end]!);
}

function verifyRecord({ words, wide }: Region, id: number): void {
  const what = `subscription ${id}`;
  const state = words[subAt(id) + Sub.state];
  const callers = words[subAt(id) + Sub.callers]!;
  invariant(callers >= 0, `${what}: expected callers of at least 0, got ${callers}`);
  if (state === State.free) {
    invariant(callers === 0, `${what}: expected nobody to call a free record, got ${callers}`);
    return;
  }
  const at = subAt(id) >> 1;
  const [born, closed] = [wide[at + Sub.born]!, wide[at + Sub.closed]!];
  const fits = state === State.open ? closed === Infinity : closed >= born && closed < Infinity;
  invariant(fits, `${what}: expected closed to fit its state ${state}, got ${closed}`);
  verifySpan(what, wide[at + Sub.start]!, wide[at + Sub.end]!);
}

function verifySpan(what: string, start: number, end: number): void {
  invariant(start < end, `${what}: expected it to hold an address, got [${start}, ${end})`);
}
