/** Values derived from ranges. */
export {};
