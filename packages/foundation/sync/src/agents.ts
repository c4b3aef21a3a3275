/** Starting agents: worker threads that share regions, and whose death nobody waits for. */
export {
  Agent,
  joinAgents,
  requireSharedMemory,
  spawnAgent,
  type AgentExit,
  type SpawnOptions,
  type ThisAgent,
} from './agents/spawn-agent.ts';
