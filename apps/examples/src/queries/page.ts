import { show } from '../show.ts';
import { pricesOf, showLive, showNaively } from './live.ts';
import { Table } from './table.ts';

const rows = [
  ['o:ada:1', 'p:1'],
  ['o:ada:2', 'p:2'],
  ['o:bob:1', 'p:3'],
  ['p:1', '10'],
  ['p:2', '20'],
  ['p:3', '30'],
] as const;
const table = new Table(rows);
const shown = { naive: '', guarded: '' };
const leave = new AbortController();
window.addEventListener('pagehide', () => leave.abort());

/** Notes what a side shows, and lets go on who waits for it to show that. */
const waiting = new Map<string, () => void>();
function note(id: 'naive' | 'guarded', text: string): void {
  shown[id] = text;
  waiting.get(`${id} ${text}`)?.();
}
function untilShown(id: string, text: string): Promise<void> {
  return new Promise((resolve) => waiting.set(`${id} ${text}`, resolve));
}

async function judge(): Promise<void> {
  const expected = await pricesOf(table, 'ada', () => {});
  document.querySelector('#expected')!.textContent = expected;
  for (const id of ['naive', 'guarded'] as const) show(id, shown[id], expected);
}

// Both sides have asked for a price, and before they have the answer it changes.
const held = table.hold('p:1', 2);
showNaively(table, 'ada', (text) => note('naive', text));
const live = showLive(table, 'ada', (text) => note('guarded', text), leave.signal);
live.catch((error: unknown) => {
  if (!leave.signal.aborted) throw error;
});
await held.asked;
const naiveIsRight = untilShown('naive', 'p:1 11, p:2 20');
const naiveIsWrong = untilShown('naive', 'p:1 10, p:2 20');
const guardedIsRight = untilShown('guarded', 'p:1 11, p:2 20');
await table.put('p:1', '11');
await naiveIsRight; // for a moment
held.release();
await Promise.all([naiveIsWrong, guardedIsRight]);
await judge();

let price = 11;
document.querySelector('#change')!.addEventListener('click', async () => {
  price++;
  const text = `p:1 ${price}, p:2 20`;
  const both = [untilShown('naive', text), untilShown('guarded', text)];
  await table.put('p:1', String(price));
  await Promise.all(both);
  await judge();
});
