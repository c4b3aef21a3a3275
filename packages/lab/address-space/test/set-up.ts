/** A machine to test with. */
import { Machine, Scheduler, type Task } from '@mmu-notifier/address-space';
import { FakeNotifier, type Mistake } from './fake-notifier.ts';

export const page = 4096;
export const huge = 512 * page;

export interface TestMachine extends Machine {
  /** Runs one task alone until it is done; its result. */
  do<T>(task: Task<T>): Promise<T>;
}

export function createMachine(options: { seed?: number; mistake?: Mistake } = {}): TestMachine {
  const scheduler = new Scheduler({ seed: options.seed ?? 1 });
  const machine = new Machine({
    scheduler,
    createNotifier: () => new FakeNotifier(options.mistake),
  }) as TestMachine;
  machine.do = async <T>(task: Task<T>): Promise<T> => {
    const done: { value?: T } = {};
    scheduler.spawn(task, (value) => (done.value = value));
    await scheduler.run();
    return done.value as T;
  };
  return machine;
}
