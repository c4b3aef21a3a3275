/** Every broken strategy. */
import type { Mutant } from './mutant.ts';
import { driverMutants } from './mutants/drivers.ts';
import { hlistMutants } from './mutants/hlist-srcu.ts';
import { intervalMutants, localMutants } from './mutants/interval.ts';
import { referenceMutants } from './mutants/reference.ts';
import { syncMutants } from './mutants/sync.ts';

export const mutants: readonly Mutant[] = [
  ...referenceMutants,
  ...intervalMutants,
  ...localMutants,
  ...hlistMutants,
  ...driverMutants,
  ...syncMutants,
];
