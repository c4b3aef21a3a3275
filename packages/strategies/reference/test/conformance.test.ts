import { conformance } from '@mmu-notifier/conformance';
import { nodeAgents } from '@mmu-notifier/conformance/agents';
import { describe, it } from 'vitest';
import { reference } from '../src/index.ts';

const agents = nodeAgents(new URL('../src/index.ts', import.meta.url), 'reference');

conformance({ describe, it, strategy: reference, agents, knownGaps: [] });
