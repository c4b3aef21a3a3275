/** The rw semaphore among tasks of one event loop, in both kinds of memory. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerWords, RwSemaphore, rwSemaphoreWords, type Region } from '../src/index.ts';
import { createRegion, memories } from './memories.ts';
import { seeded } from './seed.ts';
import { finished, isSettledSoon, patiently, runTasks, taskMix, turns } from './tasks.ts';
import { thrownBy } from './thrown.ts';

const index = headerWords;

/** The semaphore's words but for its queue's turn, which only counts: all zero when nobody is there. */
function wordsOf(region: Region): number[] {
  const words = [...region.words.subarray(index, index + rwSemaphoreWords)];
  return words.toSpliced(2, 1);
}

describe.each(memories)('RwSemaphore in $memory', (memory) => {
  it('lets in many readers or one writer, loses no wake-up and is free in the end', async () => {
    await fc.assert(
      fc.asyncProperty(taskMix, async (tasks) => {
        const region = createRegion(memory);
        const semaphore = new RwSemaphore(region, index);
        let readers = 0;
        let writers = 0;
        const check = (): void => {
          if (writers > 1 || (writers === 1 && readers > 0)) {
            throw new Error(`${writers} writers and ${readers} readers are inside`);
          }
        };
        await runTasks(tasks, async (visit) => {
          const writes = visit.how % 3 === 0;
          if (visit.how > 3) {
            if (!(writes ? semaphore.tryDownWrite() : semaphore.tryDownRead())) return;
          } else {
            const got = await patiently(visit, (signal) =>
              writes ? semaphore.downWrite(signal) : semaphore.downRead(signal),
            );
            if (!got) return;
          }
          if (writes) writers++;
          else readers++;
          check();
          await turns(visit.hold);
          check();
          if (writes) {
            writers--;
            semaphore.upWrite();
          } else {
            readers--;
            semaphore.upRead();
          }
        });
        expect(wordsOf(region)).toEqual([0, 0, 0]);
      }),
      { ...seeded, numRuns: memory.shared ? 50 : 200 },
    );
  });

  it('returns no promise when nobody is in the way', () => {
    const semaphore = new RwSemaphore(createRegion(memory), index);
    expect(semaphore.downRead()).toBeUndefined();
    expect(semaphore.downRead()).toBeUndefined();
    semaphore.upRead();
    semaphore.upRead();
    expect(semaphore.downWrite()).toBeUndefined();
    semaphore.upWrite();
  });

  it('holds new readers back while a writer waits, and lets the writer in first', async () => {
    const semaphore = new RwSemaphore(createRegion(memory), index);
    const order: string[] = [];
    await semaphore.downRead();
    const writer = Promise.resolve(semaphore.downWrite()).then(() => order.push('writer'));
    expect(semaphore.tryDownRead()).toBe(false);
    const reader = Promise.resolve(semaphore.downRead()).then(() => order.push('reader'));
    expect(await isSettledSoon(reader)).toBe(false);
    semaphore.upRead();
    await finished(writer);
    expect(await isSettledSoon(reader)).toBe(false);
    semaphore.upWrite();
    await finished(reader);
    semaphore.upRead();
    expect(order).toEqual(['writer', 'reader']);
  });

  it('lets the readers go on that a writer held back before it gave up', async () => {
    const semaphore = new RwSemaphore(createRegion(memory), index);
    await semaphore.downRead();
    const controller = new AbortController();
    const writer = semaphore.downWrite(controller.signal);
    const reader = Promise.resolve(semaphore.downRead());
    controller.abort(new Error('enough'));
    await expect(writer).rejects.toThrow('enough');
    await finished(reader);
    semaphore.upRead();
    semaphore.upRead();
    expect(semaphore.tryDownWrite()).toBe(true);
  });

  it('wakes all readers after a writer', async () => {
    const semaphore = new RwSemaphore(createRegion(memory), index);
    await semaphore.downWrite();
    const readers = [1, 2, 3].map(() => Promise.resolve(semaphore.downRead()));
    semaphore.upWrite();
    await finished(Promise.all(readers));
    expect(semaphore.tryDownWrite()).toBe(false);
    for (const _ of readers) semaphore.upRead();
    expect(semaphore.tryDownWrite()).toBe(true);
  });

  it('refuses to be given back by who cannot hold it, and stays usable', () => {
    const semaphore = new RwSemaphore(createRegion(memory), index, 'mmap');
    const byReader = {
      code: 'MMN_LOCK',
      message: "expected 'mmap' to be held by a reader, got it otherwise",
    };
    const byWriter = {
      code: 'MMN_LOCK',
      message: "expected 'mmap' to be held by a writer, got it otherwise",
    };
    expect(thrownBy(() => semaphore.upRead())).toEqual(byReader);
    expect(thrownBy(() => semaphore.upWrite())).toEqual(byWriter);
    semaphore.tryDownRead();
    expect(thrownBy(() => semaphore.upWrite())).toEqual(byWriter);
    semaphore.upRead();
    semaphore.tryDownWrite();
    expect(thrownBy(() => semaphore.upRead())).toEqual(byReader);
    expect(semaphore.tryDownRead()).toBe(false);
    semaphore.upWrite();
    expect(semaphore.tryDownRead()).toBe(true);
  });
});

describe('RwSemaphore in one event loop', () => {
  it('refuses to block for ever, and leaves nothing behind', () => {
    const region = createRegion(memories[0]!);
    const semaphore = new RwSemaphore(region, index);
    semaphore.downReadSync();
    expect(thrownBy(() => semaphore.downWriteSync()).code).toBe('MMN_WOULD_BLOCK');
    semaphore.downReadSync();
    semaphore.upRead();
    semaphore.upRead();
    semaphore.downWriteSync();
    expect(thrownBy(() => semaphore.downReadSync()).code).toBe('MMN_WOULD_BLOCK');
    semaphore.upWrite();
    expect(wordsOf(region)).toEqual([0, 0, 0]);
  });
});
