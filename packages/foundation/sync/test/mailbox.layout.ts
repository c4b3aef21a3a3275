/** What mailbox.test.ts and its agents agree on. */
import { headerWords, mailboxWords, Region, watchDeaths } from '../src/index.ts';

/** Words of the region. */
export const At = {
  ready: headerWords,
  stop: headerWords + 1,
  mutex: headerWords + 2,
  cookies: headerWords + 4,
  boxes: headerWords + 16,
} as const;

export interface Data {
  readonly job: 'each-other' | 'owner' | 'locked-owner' | 'mute-owner';
  readonly memory: SharedArrayBuffer;
  readonly index: number;
  readonly operations: number;
}

export const byteLength: number = (At.boxes + mailboxWords) * 4;

export function layOut(memory: ArrayBufferLike): Region {
  return Region.create({ kind: 'mailboxes', capacity: 1, byteLength }, memory);
}

/** Shared, and watched for deaths. */
export function createRegion(): Region {
  const region = layOut(new SharedArrayBuffer(byteLength));
  watchDeaths(region, { graceMs: 40 });
  return region;
}
