/** The conformance kit: every promise of the contract by a key, and whether a strategy keeps it. */
export type { AgentData, Agents } from './agents/agents.ts';
export type { Job, JobName } from './agents/jobs.ts';
export { catalogue } from './catalogue.ts';
export { CheckFailed } from './check.ts';
export { conformance, type ConformanceOptions } from './conformance.ts';
export { play, type History, type Manner, type Operation, type PlayOptions } from './history.ts';
export { judge, type JudgeSelection, type Verdict } from './judge.ts';
export { conditions, type Condition, type Key, type Tier, type Way } from './key.ts';
export type { JudgeOptions, KnownGap } from './options.ts';
export type { Composed, Mode } from './subject.ts';
