/** Both kinds of memory, so that a test runs in each. */
import { Region } from '../src/index.ts';

export interface MemoryKind {
  readonly memory: string;
  readonly shared: boolean;
  allocate(byteLength: number): ArrayBufferLike;
}

export const memories: readonly MemoryKind[] = [
  { memory: 'ArrayBuffer', shared: false, allocate: (bytes) => new ArrayBuffer(bytes) },
  { memory: 'SharedArrayBuffer', shared: true, allocate: (bytes) => new SharedArrayBuffer(bytes) },
];

const byteLength = 1024;

/** A region with room for whatever a test puts behind the header. */
export function createRegion({ allocate }: MemoryKind): Region {
  return Region.create({ kind: 'test', capacity: 1, byteLength }, allocate(byteLength));
}
