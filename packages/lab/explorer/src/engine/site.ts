/**
 * Which piece of code makes an access: the stack without the explorer's own frames. Only good for comparing.
 *
 * Taking a stack is cheap, writing it out is not: so it is taken often, and written out when two are compared.
 */

/** The folder that the explorer's own modules are in. */
const own = new URL('..', import.meta.url).pathname;

/** A place in running code. */
export type Site = Error;

/** Frames to take, of which about ten are the explorer's own, and frames that count. */
const framesMax = 60;
const framesThatCount = 30;

/** The place from which this is called. */
export function siteHere(): Site {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = framesMax;
  const site = new Error('here');
  Error.stackTraceLimit = limit;
  return site;
}

/** Whether the same code made both accesses, called from the same places. */
export function isSameSite(a: Site | undefined, b: Site | undefined): boolean {
  return a !== undefined && b !== undefined && write(a) === write(b);
}

/** The frames between the explorer's own that lead here, and those that called the thread. */
function write(site: Site): string {
  const lines = (site.stack ?? '').split('\n').slice(1);
  const first = lines.findIndex((line) => !line.includes(own));
  const theirs = lines.slice(first);
  const end = theirs.findIndex((line) => line.includes(own));
  return theirs.slice(0, Math.min(end === -1 ? Infinity : end, framesThatCount)).join('\n');
}
