/**
 * The second pass: which address space each event is about.
 *
 * 1. Drafts come in the order of time, so whoever made a thread comes before what the thread does.
 * 2. A task (thread) is in one address space at a time. It enters by clone, leaves by exec or exit.
 * 3. An address space is named by the process that owns it; two that live at once never share a name.
 *
 * Linux: copy_mm in kernel/fork.c (CLONE_VM shares), exec_mmap in fs/exec.c (a new one), v6.18.
 */
import type { CloneDraft, Draft, TaskExitDraft } from './calls.ts';
import type { MemoryEvent } from './events.ts';
import type { Ledger } from './ledger.ts';

interface Space {
  readonly id: number;
  /** The process whose end, as far as the tool tells, lets the space end with its last task. */
  readonly owner: number;
  readonly tasks: Set<Task>;
  ownerDead: boolean;
}

interface Task {
  readonly thread: number;
  /** The number of its process, or its own where the tool does not show processes. */
  readonly process: number;
  space: Space;
  /**
   * The event that made it, until it does something itself. The parent may be recorded as returning after its
   * child has begun: the copy was complete by then.
   */
  maker: { endNs: number } | undefined;
  /** Its latest call. strace rounds to microseconds, so it may seem to end after the next has begun. */
  call: { endNs: number } | undefined;
}

export class AddressSpaces {
  readonly #ledger: Ledger;
  readonly #tasks = new Map<number, Task>();
  readonly #spaces = new Map<number, Space>();
  #last: Task | undefined;
  threads = 0;
  addressSpaces = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Assigns every draft its address space. The array and, wherever possible, its objects become the events. */
  assign(drafts: Draft[]): MemoryEvent[] {
    const events = drafts as (Draft | MemoryEvent)[];
    for (const [index, draft] of drafts.entries()) {
      const task = this.#taskOf(draft);
      draft.process = task.space.id;
      if (draft.kind === 'clone') events[index] = this.#clone(draft, task);
      else if (draft.kind === 'taskExit') events[index] = this.#exit(draft, task);
      else if (draft.kind === 'exec') {
        draft.previous = task.space.id;
        this.#exec(task);
        draft.process = task.space.id;
      }
    }
    return events as MemoryEvent[];
  }

  /** Who does it. Cuts short what must have ended before: see {@link Task}. */
  #taskOf(draft: Draft): Task {
    const task = this.#last?.thread === draft.thread ? this.#last : this.#find(draft);
    this.#last = task;
    if (task.maker !== undefined) {
      task.maker.endNs = Math.min(task.maker.endNs, draft.beginNs);
      task.maker = undefined;
    }
    if (task.call !== undefined && draft.kind !== 'fault') {
      task.call.endNs = Math.min(task.call.endNs, draft.beginNs);
      task.call = undefined;
    }
    if (draft.endNs > draft.beginNs) task.call = draft;
    return task;
  }

  #find(draft: Draft): Task {
    const task = this.#tasks.get(draft.thread);
    if (task !== undefined) return task;
    const process = draft.process < 0 ? draft.thread : draft.process;
    const first = draft.thread === process && this.#tasks.size === 0;
    // An exec goes on under the number of a thread that it has ended.
    if (!first && draft.kind !== 'exec') this.#ledger.unannouncedThreads += 1;
    return this.#addTask(draft.thread, process, this.#spaces.get(process));
  }

  #addTask(thread: number, process: number, shared: Space | undefined): Task {
    const space = shared ?? this.#addSpace(process);
    const task: Task = { thread, process, space, maker: undefined, call: undefined };
    const stale = this.#tasks.get(thread);
    if (stale !== undefined) this.#forget(stale);
    space.tasks.add(task);
    this.#tasks.set(thread, task);
    this.threads += 1;
    return task;
  }

  #addSpace(owner: number): Space {
    let id = owner;
    // The process has left an address space that others still use under its number.
    while (this.#spaces.has(id)) id += 2 ** 32;
    const space: Space = { id, owner, tasks: new Set(), ownerDead: false };
    this.#spaces.set(id, space);
    this.addressSpaces += 1;
    return space;
  }

  #forget(task: Task): void {
    task.space.tasks.delete(task);
    this.#tasks.delete(task.thread);
    if (this.#last === task) this.#last = undefined;
  }

  #clone(draft: CloneDraft, parent: Task): MemoryEvent {
    const { process, thread, beginNs, endNs, line, child, sharing } = draft;
    const copies = sharing === 'copy';
    const task = this.#addTask(
      child,
      sharing === 'copy' || sharing === 'memory' ? child : parent.process,
      copies ? undefined : parent.space,
    );
    const event: MemoryEvent = copies
      ? { kind: 'fork', process, thread, beginNs, endNs, line, child: task.space.id }
      : {
          kind: 'threadStart',
          process,
          thread,
          beginNs,
          endNs,
          line,
          child,
          borrows: sharing === 'memory',
        };
    task.maker = event;
    parent.call = event;
    return event;
  }

  #exec(task: Task): void {
    const { space, process } = task;
    for (const other of space.tasks) {
      if (other !== task && other.process === process) this.#forget(other);
    }
    space.tasks.delete(task);
    if (space.tasks.size === 0) this.#spaces.delete(space.id);
    task.space = this.#addSpace(process);
    task.space.tasks.add(task);
  }

  #exit(draft: TaskExitDraft, task: Task): MemoryEvent {
    const { process, thread, beginNs, endNs, line, groupDead, wholeGroup } = draft;
    const { space } = task;
    this.#forget(task);
    if (wholeGroup) {
      for (const other of space.tasks) if (other.process === task.process) this.#forget(other);
    }
    if (groupDead ?? true) space.ownerDead ||= task.process === space.owner;
    const ends = space.tasks.size === 0 && (space.ownerDead || groupDead === undefined);
    if (ends) this.#spaces.delete(space.id);
    return { kind: ends ? 'exit' : 'exitThread', process, thread, beginNs, endNs, line };
  }
}
