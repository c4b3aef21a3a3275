/**
 * In a Node.js that is too old, one line that says so, and not a TypeError somewhere inside. Bundlers drop this, as
 * nothing is used of it; browsers have no `process`.
 */
const node = (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node;
const [major = 0, minor = 0] = (node ?? '').split('.').map(Number);
if (node !== undefined && (major < 20 || (major === 20 && minor < 19))) {
  throw new Error(`@mmu-notifier needs Node.js 20.19 or newer, got ${node}`);
}

export {};
