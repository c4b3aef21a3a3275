export * from './errors.ts';
export * from './events.ts';
export type { RecordingFormat, RecordingSummary } from './ledger.ts';
export { parseRecording, type ParseOptions, type Recording } from './recording.ts';
export type { RecordingInput } from './text.ts';
export { validate, type Violation } from './validate.ts';
export { commonOptions, generate, workloads, type GenerateOptions } from './generators/index.ts';
export type { Workload, WorkloadOption } from './generators/workload.ts';
