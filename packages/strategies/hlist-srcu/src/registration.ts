/**
 * A subscriber's handle in the agent that made it.
 *
 * | isOpen | isFreed | the node                                                   | left by            |
 * |--------|---------|------------------------------------------------------------|--------------------|
 * | true   | false   | is listed, unless the address space was released           | unregister, put    |
 * | false  | false   | is listed while `releasing`; then walkers may still stand on it | a grace period |
 * | false  | true    | is another's                                               |                    |
 */
export class Registration {
  /** The number that the callbacks receive. */
  readonly cookie: number;
  /** @internal */
  readonly node: number;
  /** @internal made by get, not by register */
  readonly isShared: boolean;
  /** @internal references that this agent holds */
  users = 1;
  /** @internal the `release` that the first unregister waits for, before it unlinks the node */
  releasing: Promise<void> | undefined = undefined;
  /** @internal */
  isFreed = false;

  /** @internal use `register`, `get` or `subscribe` */
  constructor(node: number, cookie: number, isShared: boolean) {
    this.node = node;
    this.cookie = cookie;
    this.isShared = isShared;
  }

  /** From `register` to `unregister`; from `get` to the last `put` of this agent. */
  get isOpen(): boolean {
    return this.users !== 0;
  }
}
