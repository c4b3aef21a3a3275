/** Seeds of the property tests: fast-check prints the one that failed; MMN_SEED sets it, MMN_RUNS how many runs. */
const seed = process.env['MMN_SEED'];
const runs = process.env['MMN_RUNS'];

/** Parameters for `fc.assert`. */
export function seeded(numRuns: number): { numRuns: number; seed?: number } {
  const parameters = { numRuns: runs === undefined ? numRuns : Number(runs) };
  return seed === undefined ? parameters : { ...parameters, seed: Number(seed) };
}
