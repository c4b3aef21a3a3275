/**
 * What the simulation itself costs: nanoseconds per step of the scheduler, and per operation of a random replay.
 * Compare runs on one quiet machine only. `node --conditions=@mmu-notifier/source scripts/measure.ts [seed]`
 */
import { Scheduler, type Task } from '@mmu-notifier/address-space';
import { replay } from '../test/replay.ts';
import { createMachine } from '../test/set-up.ts';

const seed = Number(process.argv[2] ?? 1);

function* spin(turns: number): Task<void> {
  for (let turn = 0; turn < turns; turn++) yield;
}

for (const agents of [1, 4, 32]) {
  const scheduler = new Scheduler({ seed });
  for (let agent = 0; agent < agents; agent++) scheduler.spawn(spin(2_000_000 / agents));
  const begunMs = performance.now();
  await scheduler.run();
  const ns = ((performance.now() - begunMs) * 1e6) / scheduler.steps;
  console.log(`${agents} agents: ${ns.toFixed(0)} ns per step`);
}

for (const mistake of ['nothing', 'everything'] as const) {
  const machine = createMachine({ seed, mistake });
  const count = 5000;
  const begunMs = performance.now();
  await replay(machine, seed, count, [machine.createDevice(), machine.createDevice()]);
  const operations = count * 3 + count * 4 * 4;
  const us = ((performance.now() - begunMs) * 1000) / operations;
  console.log(`a notifier that forgets ${mistake}: ${us.toFixed(1)} µs per operation`);
}
