/** Seeds of the property tests: fast-check prints the one that failed; MMN_SEED sets it. */
const given = process.env['MMN_SEED'];

/** Parameters for `fc.assert`: how often to try, and where to begin. */
export function seeded(numRuns: number): { readonly numRuns: number; readonly seed?: number } {
  return given === undefined ? { numRuns } : { numRuns, seed: Number(given) };
}
