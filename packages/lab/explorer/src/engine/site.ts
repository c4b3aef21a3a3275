/**
 * Which piece of code makes an access: the stack without the explorer's own frames. Only good for comparing.
 *
 * Taking a stack is cheap, writing it out is not: so it is taken often, and written out when two are compared.
 */

/** The folder that the explorer's own modules are in. */
const own = new URL('..', import.meta.url).pathname;

/** A place in running code. */
export type Site = Error;

/** The place from which this is called. */
export function siteHere(): Site {
  return new Error('here');
}

/** Whether the same code made both accesses, called from the same places. */
export function isSameSite(a: Site | undefined, b: Site | undefined): boolean {
  return a !== undefined && b !== undefined && write(a) === write(b);
}

function write(site: Site): string {
  const lines = (site.stack ?? '').split('\n');
  return lines.filter((line) => !line.includes(own)).join('\n');
}
