export { AddressSpace } from './address-space.ts';
export type { Backing } from './backing.ts';
export type { MmapOptions } from './calls.ts';
export { Device, type AccessOutcome, type DeviceOptions } from './device.ts';
export type { FaultOutcome } from './faults.ts';
export { Machine, type MachineOptions } from './machine.ts';
export type { Mirror, ShadowEntry } from './mirror.ts';
export type { MremapOptions } from './mremap.ts';
export type { ReapReport } from './oom.ts';
export type { Oracle } from './oracle.ts';
export { hugeBytes, pageBytes, protections, pteFlags, wholeSpace } from './pages.ts';
export { Random } from './random.ts';
export {
  isPromise,
  Scheduler,
  waitFor,
  type Agent,
  type SchedulerOptions,
  type Task,
} from './scheduler.ts';
export type { SectionRecord } from './sections.ts';
export { createStatistics, type Statistics } from './statistics.ts';
