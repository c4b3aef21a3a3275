/**
 * The first pass: lines become drafts of events, in the order of the lines that begin them.
 *
 * 1. A call's draft takes its place in `entries` when the call begins, so that sorting by time, which is
 *    stable, keeps the order of lines. What comes to nothing leaves a hole.
 * 2. A thread has at most one open call. A second begin means that the first one's end is missing.
 * 3. A page fault after its thread's exit is real (the kernel clears the thread's id in user memory on the
 *    way out), so the exit moves behind it.
 */
import { clones, draftOf, settle, type CloneDraft, type Draft, type Moment } from './calls.ts';
import type { Ledger } from './ledger.ts';

interface OpenCall {
  readonly name: string;
  readonly draft: Draft;
  index: number;
  /** The command's name, where the tool shows it: an exec changes it. */
  command: string;
  lines: number;
  forkSeen: boolean;
}

type Clone = Draft & { kind: CloneDraft['kind'] };

/** A draft with room for its end; `undefined` where nothing came of it. */
export type Entries = (Draft | undefined)[];

export class Journal {
  readonly entries: Entries = [];
  readonly #ledger: Ledger;
  readonly #open = new Map<number, OpenCall>();
  readonly #exits = new Map<number, number>();
  readonly #exitGroups: number[] = [];
  /** By child: clones whose child has not been seen, and whose flags are not recorded. */
  readonly #undecided = new Map<number, Clone>();
  /** By child: clones of processes that may turn out to be vforks. */
  readonly #maybeVfork = new Map<number, Clone>();
  #taskExitSeen = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** A line of this thread was seen. Tells threads from processes, for clones that do not say. */
  seen(thread: number, process: number): void {
    if (this.#undecided.size === 0 || process < 0) return;
    const clone = this.#undecided.get(thread);
    if (clone === undefined) return;
    this.#undecided.delete(thread);
    clone.sharing = process === clone.process ? 'thread' : 'copy';
    if (clone.sharing === 'copy') this.#maybeVfork.set(thread, clone);
  }

  beginCall(name: string, args: readonly number[], at: Moment, command = ''): void {
    const { thread } = at;
    if (this.#open.has(thread)) this.#abandon(thread);
    if (name === 'execve' || name === 'execveat') this.#settleVfork(thread);
    const draft = draftOf(name, args, at);
    const index = this.entries.push(draft) - 1;
    if (name === 'exit_group') {
      this.#exitGroups.push(index);
      return;
    }
    this.#open.set(thread, { name, draft, index, command, lines: 1, forkSeen: false });
  }

  /**
   * @param result what the call returned; negative when it failed
   * @param lines how many lines this end takes: 0 when it shares the line of its begin
   */
  endCall(name: string, result: number, at: Moment, lines: number): void {
    const ledger = this.#ledger;
    const thread = this.#threadEnding(name, result, at);
    const call = this.#open.get(thread);
    if (call === undefined || call.name !== name) {
      if (result === 0 && clones.has(name)) ledger.ignore('return of a clone in its child', lines);
      else ledger.halfOfCall('result without its call', lines);
      return;
    }
    this.#open.delete(thread);
    call.lines += lines;
    const { draft } = call;
    if (result < 0) {
      ledger.fail(name, call.lines);
      this.entries[call.index] = undefined;
      return;
    }
    const reason = settle(draft, result);
    if (reason !== undefined) {
      ledger.ignore(reason, call.lines);
      this.entries[call.index] = undefined;
      return;
    }
    ledger.usedLines += call.lines;
    if (!call.forkSeen) draft.endNs = Math.max(at.timeNs, draft.beginNs);
    draft.thread = at.thread;
    if (draft.kind === 'clone' && !call.forkSeen) this.#cloned(draft);
  }

  fault(address: number, at: Moment, command: string): void {
    const { process, thread, timeNs: beginNs, line } = at;
    const endNs = beginNs;
    // A fault inside an exec, under the new command's name, is in the new address space.
    const call = this.#open.get(thread);
    if (call?.draft.kind === 'exec' && call.command !== command) {
      call.draft.beginNs = beginNs;
      call.command = command;
    }
    this.#ledger.usedLines += 1;
    this.entries.push({
      kind: 'fault',
      process,
      thread,
      beginNs,
      endNs,
      line,
      address,
      write: undefined,
    });
    const exit = this.#exits.get(thread);
    if (exit !== undefined) this.#moveExit(exit, at);
  }

  /** The kernel's own word that a thread or process was made: exact in number and time. */
  forked(child: number, at: Moment): void {
    const { process, thread, timeNs: beginNs, line } = at;
    const call = this.#open.get(thread);
    if (call?.draft.kind === 'clone' && !call.forkSeen) {
      call.forkSeen = true;
      call.lines += 1;
      call.draft.child = child;
      call.draft.endNs = beginNs;
      this.#cloned(call.draft);
      return;
    }
    const endNs = beginNs;
    const draft: Clone = {
      kind: 'clone',
      process,
      thread,
      beginNs,
      endNs,
      line,
      child,
      sharing: undefined,
    };
    this.entries.push(draft);
    this.#ledger.usedLines += 1;
    this.#cloned(draft);
  }

  exited(groupDead: boolean | undefined, at: Moment): void {
    const { process, thread, timeNs: beginNs, line } = at;
    if (this.#open.has(thread)) this.#abandon(thread);
    this.#settleVfork(thread);
    this.#taskExitSeen = true;
    this.#ledger.usedLines += 1;
    const draft: Draft = {
      kind: 'taskExit',
      process,
      thread,
      beginNs,
      endNs: beginNs,
      line,
      groupDead,
      wholeGroup: false,
    };
    this.#exits.set(thread, this.entries.push(draft) - 1);
    this.#delayExec(at);
  }

  /** An exec by a thread that is not its process's first takes over the first one's number. */
  renumber(from: number, to: number): void {
    const call = this.#open.get(from);
    if (call === undefined) return;
    this.#open.delete(from);
    if (this.#open.has(to)) this.#abandon(to);
    this.#open.set(to, call);
  }

  /** The drafts in the order of their begins. */
  finish(): Draft[] {
    for (const thread of this.#open.keys()) this.#abandon(thread);
    this.#ledger.undecidedClones += this.#undecided.size;
    for (const index of this.#exitGroups) {
      if (this.#taskExitSeen) {
        this.entries[index] = undefined;
        this.#ledger.ignore('exit_group');
      } else {
        this.#ledger.usedLines += 1;
      }
    }
    return inOrder(this.entries);
  }

  #abandon(thread: number): void {
    const call = this.#open.get(thread);
    if (call === undefined) return;
    this.#open.delete(thread);
    if (call.draft.kind === 'clone' && call.forkSeen) {
      // Its end is missing, but the kernel told what it made.
      this.#ledger.usedLines += call.lines;
      return;
    }
    this.entries[call.index] = undefined;
    this.#ledger.halfOfCall('call without its result', call.lines);
  }

  /** An exec first ends the other threads of its process, then begins to change memory. */
  #delayExec({ process, timeNs }: Moment): void {
    for (const call of this.#open.values()) {
      if (call.draft.kind !== 'exec' || call.draft.process !== process || process < 0) continue;
      this.entries[call.index] = undefined;
      call.index = this.entries.push(call.draft) - 1;
      call.draft.beginNs = timeNs;
      call.draft.endNs = timeNs;
    }
  }

  #threadEnding(name: string, result: number, at: Moment): number {
    if (name !== 'execve' || result !== 0 || this.#open.has(at.thread)) return at.thread;
    for (const [thread, call] of this.#open) {
      if (call.name === name && call.draft.process === at.process) return thread;
    }
    return at.thread;
  }

  #cloned(clone: Clone): void {
    this.#exits.delete(clone.child);
    if (clone.sharing === undefined) this.#undecided.set(clone.child, clone);
  }

  /** `child` execs or exits: if its parent still waits in clone3, that was CLONE_VFORK. */
  #settleVfork(child: number): void {
    const clone = this.#maybeVfork.get(child);
    if (clone === undefined) return;
    this.#maybeVfork.delete(child);
    if (this.#open.get(clone.thread)?.draft !== clone) return;
    clone.sharing = 'memory';
    this.#ledger.assumedVforks += 1;
  }

  #moveExit(index: number, at: Moment): void {
    const exit = this.entries[index];
    if (exit === undefined) return;
    exit.beginNs = at.timeNs;
    exit.endNs = at.timeNs;
    this.entries[index] = undefined;
    this.#exits.set(at.thread, this.entries.push(exit) - 1);
  }
}

/** Closes the holes and sorts by time. In place: a recording may have millions of entries. */
function inOrder(entries: Entries): Draft[] {
  let kept = 0;
  for (const entry of entries) if (entry !== undefined) entries[kept++] = entry;
  entries.length = kept;
  return (entries as Draft[]).sort((a, b) => a.beginNs - b.beginNs);
}
