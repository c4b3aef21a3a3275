/** An agent for agents.test.ts: does what its data say, and reports or hangs. */
import { codeOf } from '@mmu-notifier/core';
import { joinAgents, spawnAgent } from '../src/agents.ts';
import { Mutex, Region, RwSemaphore, SpinLock, Srcu, WaitQueue } from '../src/index.ts';
import { At, type Data } from './agents.layout.ts';

const self = await joinAgents<Data>();
const { job, memory } = self.data;
const region = Region.attach(memory, 'agents');

/** What an agent holds when it is terminated. */
const holders = {
  holdMutex: () => new Mutex(region, At.mutex).lockSync(),
  holdSpinLock: () => new SpinLock(region, At.spin).lock(),
  holdSrcu: () => void new Srcu(region, At.srcu).readLock(),
  holdWriter: () => new RwSemaphore(region, At.semaphore).downWriteSync(),
  holdNothing: () => {},
};

/** How another one comes to wait for it. */
const takers = {
  takeMutex: () => new Mutex(region, At.mutex).lockSync(),
  takeSpinLock: () => new SpinLock(region, At.spin).lock(),
  takeSrcu: () => new Srcu(region, At.srcu).synchronizeSync(),
  takeReader: () => new RwSemaphore(region, At.semaphore).downReadSync(),
  takeFlag: () => new WaitQueue(region, At.queue).waitUntilSync(() => region.load(At.flag) !== 0),
};

function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function announce(): void {
  region.add(At.ready, 1);
}

if (job === 'number') {
  self.post([self.agent, region.agent]);
  self.leave();
} else if (job === 'parent') {
  const data: Data = { job: 'number', memory };
  const child = spawnAgent(new URL(import.meta.url), {
    data,
    onMessage: (said) => self.post(said),
  });
  await child.exit;
  self.leave();
} else if (job === 'fail') {
  throw new Error('on purpose');
} else if (job === 'exit') {
  process.exit(3);
} else if (job === 'wait') {
  announce();
  self.onMessage((message) => {
    self.post(message);
    self.leave();
  });
} else if (job === 'listenLate') {
  announce();
  while (region.load(At.flag) === 0) await eventLoopTurn();
  for (let turn = 0; turn < 10; turn++) await eventLoopTurn(); // what was posted comes, and nobody listens
  const heard: unknown[] = [];
  self.onMessage((message) => void heard.push(message));
  self.post(heard);
  self.leave();
} else if (job in holders) {
  holders[job as keyof typeof holders]();
  announce();
  for (;;);
} else {
  announce();
  try {
    takers[job as keyof typeof takers]();
    self.post('got it');
  } catch (error) {
    self.post([codeOf(error), (error as Error).message]);
  }
  self.leave();
}
