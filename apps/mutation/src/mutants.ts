/** Every broken strategy. */
import type { Broken, Mutant } from './mutant.ts';
import { driverMutants } from './mutants/drivers.ts';
import { hlistMutants } from './mutants/hlist-srcu.ts';
import { intervalMutants, localMutants } from './mutants/interval.ts';
import { mailboxMutants } from './mutants/mailbox.ts';
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

/** What is broken in an order, and must have a schedule that fails. */
export const orderedMutants: readonly Broken[] = [...mutants, ...mailboxMutants].filter(
  ({ ordering }) => ordering !== undefined,
);
