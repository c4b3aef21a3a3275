/** Which piece of code makes an access: the stack without the explorer's own frames. Only good for comparing. */

/** The folder that the explorer's own modules are in. */
const own = new URL('..', import.meta.url).pathname;

/** The stack here, as a text. */
export function siteHere(): string {
  const lines = (new Error('here').stack ?? '').split('\n');
  return lines.filter((line) => !line.includes(own)).join('\n');
}
