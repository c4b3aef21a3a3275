/** Seeds of the random tests: a failure prints the one that it needs; MMN_SEED sets it. */
const given = process.env['MMN_SEED'];

/** For fast-check. */
export const seeded: { seed?: number } = given === undefined ? {} : { seed: Number(given) };

/** For schedules: those that are always run, or the one that is given. */
export const seeds: readonly number[] = given === undefined ? [1, 2, 3, 4, 5] : [Number(given)];
