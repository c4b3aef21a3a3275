/**
 * Page faults for recordings that have none: strace sees system calls only, so nobody knows which pages the
 * program touched, and without pages nothing can go stale.
 *
 * The program is made to write some pages of everything that it may write: when it gets it, and now and then
 * afterwards, at the time of its other calls. Which ones depends on the stream and the seed alone.
 */
import { Random } from '@mmu-notifier/address-space';
import { pageBytes, protections, type FaultEvent, type MemoryEvent } from '@mmu-notifier/workloads';

/** Pages touched of a new mapping, and at any later call, at the most. */
const touchesMax = { new: 8, later: 2 } as const;
/** Writable ranges of a process that are remembered. */
const rangesMax = 256;

/** Adds page faults to a stream that has none; one that has some is returned as it is. */
export function addTouches(events: readonly MemoryEvent[], seed: number): readonly MemoryEvent[] {
  if (events.some(({ kind }) => kind === 'fault')) return events;
  const random = new Random(seed);
  const writable = new Map<number, { address: number; pages: number }[]>();
  const out: MemoryEvent[] = [];
  const touch = (
    event: MemoryEvent,
    { address, pages }: { address: number; pages: number },
  ): void => {
    const { process, thread, endNs } = event;
    const touched = address + random.below(pages) * pageBytes;
    const instant = { beginNs: endNs, endNs, line: event.line };
    out.push({
      kind: 'fault',
      process,
      thread,
      ...instant,
      address: touched,
      write: true,
    } satisfies FaultEvent);
  };
  for (const event of events) {
    out.push(event);
    const ranges = writable.get(event.process) ?? [];
    writable.set(event.process, ranges);
    switch (event.kind) {
      case 'mmap':
      case 'mprotect': {
        if ((event.protection & protections.write) === 0) break;
        const range = { address: event.address, pages: event.length / pageBytes };
        if (ranges.length < rangesMax) ranges.push(range);
        else ranges[random.below(rangesMax)] = range;
        for (let count = Math.min(touchesMax.new, range.pages); count > 0; count--)
          touch(event, range);
        break;
      }
      case 'munmap': {
        const { address, length } = event;
        const left = ranges.filter(
          (range) =>
            range.address + range.pages * pageBytes <= address || range.address >= address + length,
        );
        writable.set(event.process, left);
        break;
      }
      case 'fork':
        writable.set(event.child, [...ranges]);
        break;
      case 'exec':
      case 'exit':
        writable.delete(event.process);
        continue;
      default:
    }
    const now = writable.get(event.process)!;
    for (let count = random.below(touchesMax.later + 1); count > 0 && now.length > 0; count--) {
      touch(event, now[random.below(now.length)]!);
    }
  }
  return out
    .map((event, at) => ({ event, at }))
    .sort((a, b) => a.event.beginNs - b.event.beginNs || a.at - b.at)
    .map(({ event }) => event);
}
