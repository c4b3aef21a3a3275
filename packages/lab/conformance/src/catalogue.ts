/** Every key, in the order of KEYS.md. */
import type { Key } from './key.ts';
import { agentKeys } from './keys/agents.ts';
import { callbackKeys } from './keys/callbacks.ts';
import { changeKeys } from './keys/changes.ts';
import { exploredKeys } from './keys/explored.ts';
import { historyKeys } from './keys/histories.ts';
import { machineKeys } from './keys/machine.ts';
import { readKeys } from './keys/reads.ts';
import { releaseKeys } from './keys/release.ts';
import { sectionKeys } from './keys/sections.ts';
import { traitKeys } from './keys/traits.ts';

/** See the file's head. */
export const catalogue: readonly Key[] = [
  ...sectionKeys,
  ...readKeys,
  ...changeKeys,
  ...callbackKeys,
  ...releaseKeys,
  ...traitKeys,
  ...historyKeys,
  ...machineKeys,
  ...exploredKeys,
  ...agentKeys,
];
