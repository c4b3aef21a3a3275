/** Seeds of the property tests: fast-check prints the one that failed; MMN_SEED sets it. */
const given = process.env['MMN_SEED'];

/** Parameters for `fc.assert`. */
export const seeded: { readonly seed?: number } =
  given === undefined ? {} : { seed: Number(given) };
