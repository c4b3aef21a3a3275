import { Scheduler, type Task } from '@mmu-notifier/address-space';
import { createMachine } from '../test/set-up.ts';
import { replay } from '../test/replay.ts';

function* spin(turns: number): Task<void> {
  for (let turn = 0; turn < turns; turn++) yield;
}
{
  const scheduler = new Scheduler();
  const agents = 8;
  const turns = 500_000;
  for (let agent = 0; agent < agents; agent++) scheduler.spawn(spin(turns));
  const begun = performance.now();
  await scheduler.run();
  console.log('ns per step', ((performance.now() - begun) * 1e6) / scheduler.steps);
}
for (const mistake of ['nothing', 'everything'] as const) {
  const machine = createMachine({ seed: 1, mistake });
  const devices = [machine.createDevice({ name: 'nic' }), machine.createDevice({ name: 'gpu' })];
  const begun = performance.now();
  const operations = 8000;
  await replay(machine, 1, operations, devices);
  const ms = performance.now() - begun;
  const count = operations * 3 + operations * 4 * 4;
  console.log(
    mistake,
    count,
    'operations',
    ms,
    'ms',
    (ms * 1000) / count,
    'us each',
    machine.statistics,
    machine.scheduler.steps,
  );
  machine.verify();
}
