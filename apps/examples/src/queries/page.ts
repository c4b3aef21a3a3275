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

async function judge(): Promise<void> {
  const slowly = table.delayMs;
  table.delayMs = () => 0;
  const expected = await pricesOf(table, 'ada', () => {});
  table.delayMs = slowly;
  document.querySelector('#expected')!.textContent = expected;
  for (const id of ['naive', 'guarded'] as const) show(id, shown[id], expected);
}

const leave = new AbortController();
window.addEventListener('pagehide', () => leave.abort());

// The first two questions, one of each side, take long: meanwhile a price changes.
table.delayMs = (question) => (question <= 4 ? 100 : 5);
showNaively(table, 'ada', (text) => (shown.naive = text));
showLive(table, 'ada', (text) => (shown.guarded = text), leave.signal).catch((error: unknown) => {
  if (!leave.signal.aborted) throw error;
});
setTimeout(() => void table.put('p:1', '11'), 150);
setTimeout(() => void judge(), 600);

let price = 11;
document.querySelector('#change')!.addEventListener('click', async () => {
  await table.put('p:1', String(++price));
  setTimeout(() => void judge(), 100);
});
