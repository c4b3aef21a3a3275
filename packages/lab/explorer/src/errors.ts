/** What can go wrong that is not a finding about the code under exploration. */

/** The caller, or the code under exploration, asked for something that the explorer refuses to do or to model. */
export class ExplorerError extends Error {
  override readonly name = 'ExplorerError';
}

/** Throws an {@link ExplorerError}: never a silent approximation. */
export function refuse(message: string): never {
  throw new ExplorerError(message);
}
