/**
 * The interleavings of the shipped code on shared memory, in the small situations of agents/situations.ts: all that have at most three
 * preemptions. It runs in an agent of its own: what explored code leaves behind is gone with it.
 *
 * A key fails when an interleaving does, and when its budget was spent before all of them were seen: then it says that it does not know. A
 * smaller `effort` makes no smaller promise; a larger one is for strategies whose critical sections are many.
 */
import { check } from '../check.ts';
import { key, type Key } from '../key.ts';
import { sharedMemory } from '../turns.ts';
import type { SituationName } from '../agents/situations.ts';

/** The largest of the repository needs a tenth of it. */
const executionsMax = 20_000;

function situation(name: SituationName, promise: string, source: string): Key {
  const details = { when: 'shared memory', way: 'explorer', source } as const;
  return key(`EXPLORE.${name}`, promise, details, async ({ subject }) => {
    const { agents, variant, effort } = subject;
    check(agents !== undefined, 'the option `agents`');
    const operations = Math.ceil(executionsMax * Math.max(1, effort));
    const [memory, board] = [sharedMemory(8), sharedMemory(8)];
    const job = { name: 'explore', situation: name, variant, operations } as const;
    const { module, exportName } = agents;
    await agents.start({ module, exportName, job, memory, board });
  });
}

export const exploredKeys: readonly Key[] = [
  situation(
    'fault',
    'serves no stale entry when a device faults while its page changes, in any interleaving with up to three preemptions',
    'mm/mmu_notifier.c v5.15.85:200-231; KVM-1',
  ),
  situation(
    'close',
    'uses nothing of a device that goes while its page changes after close has returned, in any interleaving with up to three preemptions',
    '319561669a59 (U-5)',
  ),
  situation(
    'subscribe',
    'serves no stale entry to a device that comes while its page changes, in any interleaving with up to three preemptions',
    'mm/mmu_notifier.c v5.15.85:938-961',
  ),
  situation(
    'reap',
    'serves no stale entry when a page is reaped without waiting during a fault, in any interleaving with up to three preemptions',
    'mm/oom_kill.c v5.15.85',
  ),
  situation(
    'exit',
    'serves no stale entry when the address space dies during a fault, in any interleaving with up to three preemptions',
    'mm/mmu_notifier.c v5.15.85:261-284; U-1',
  ),
];
