/** Where in the source an access was made. */

/** One frame of a stack. */
export interface Place {
  /** Empty at the top level of a module. */
  readonly method: string;
  readonly file: string;
  readonly line: number;
}

/** The folder that the explorer's own modules are in. */
const own = new URL('..', import.meta.url).pathname;

/** The frames of the code under exploration, innermost first. */
export function parseStack(stack: string): readonly Place[] {
  const places: Place[] = [];
  for (const line of stack.split('\n').slice(1)) {
    const match = /^\s*at (?:(.*?) \()?(?:file:\/\/)?([^()]+?):(\d+):\d+\)?$/.exec(line);
    if (match === null) continue;
    const [, method = '', path = '', number = '0'] = match;
    if (path.startsWith(own) || path.startsWith('node:') || path.includes('<anonymous>')) {
      if (path.startsWith(own) && places.length > 0) break;
      continue;
    }
    places.push({
      method: method.replace(/^(?:new |async )/, '').replace(/^(?:Object|Proxy|Module)\./, ''),
      file: path.replace(/^.*[\\/]/, '').replace(/\?.*$/, ''),
      line: Number(number),
    });
  }
  return places;
}

/** `lock spin-lock.ts:36 < readBegin notifier.ts:12`. */
export function formatPlaces(places: readonly Place[], max = 2): string {
  return places
    .slice(0, max)
    .map(({ method, file, line }) => `${method === '' ? '' : `${method} `}${file}:${line}`)
    .join(' < ');
}
