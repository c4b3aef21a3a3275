/** The other side of the worker test: attaches, reports what it sees, and changes the tree. */
import { parentPort, workerData } from 'node:worker_threads';
import { IntervalTree } from '../src/index.ts';

const { memory, byteOffset } = workerData as { memory: SharedArrayBuffer; byteOffset: number };
const tree = IntervalTree.attach(memory, byteOffset);
const hits: number[] = [];
for (let hit = tree.first(1000, 1200); hit >= 0; hit = tree.next(hit, 1000, 1200)) hits.push(hit);
const { size } = tree;
for (let k = 0; k < 25; k++) tree.remove(k);
for (let k = 50; k < 100; k++) tree.insert(k, 100 * k, 100 * k + 149);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread's port has none
parentPort?.postMessage({ hits, size });
