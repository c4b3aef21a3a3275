/**
 * The tester's side of judge-process.ts: starts one, gives it work, and ends it when a test does not end.
 *
 * What "does not end" means is not measured by the clock alone, since others use the machine too: a test has so much of the
 * processor's time, and may do nothing for so long.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome, Request, Say, TestName } from './judge-process.ts';

/** Processor time, wall-clock time, and time without using the processor, in ms. */
export interface Limits {
  readonly busyMs: number;
  readonly wallMs: number;
  readonly idleMs: number;
}

/** One test and how it ended. `null`: the process was killed, or died. */
export interface Ended {
  readonly test: TestName;
  readonly outcome: Outcome | null;
}

const tickMs = 10;
const nodeOptions = '--disable-warning=ExperimentalWarning --max-old-space-size=1024';

export class Judge {
  readonly #root: string;
  readonly #blocks: number;
  #child: ChildProcess | undefined;

  constructor(root: string, blocks: number) {
    this.#root = root;
    this.#blocks = blocks;
    process.on('exit', () => this.stop()); // a test that does not end would not notice that nobody listens
  }

  /** Resolves when the work is done, or a test had to be ended: that is the last one then. */
  ask(request: Request, limitsOf: (test: TestName) => Limits): Promise<Ended[]> {
    const child = (this.#child ??= this.#start());
    const ended: Ended[] = [];
    let running: TestName | undefined;
    let watch = new Watch(child.pid!);
    return new Promise((resolve) => {
      const finish = (isClean: boolean): void => {
        clearInterval(ticker);
        child.removeAllListeners();
        if (running !== undefined) ended.push({ test: running, outcome: null });
        if (!isClean) this.stop();
        resolve(ended);
      };
      const ticker = setInterval(() => {
        // At first it loads itself.
        const limits = running === undefined ? starting : limitsOf(running);
        if (watch.isBeyond(limits)) finish(false);
      }, 100);
      child.on('exit', () => {
        this.#child = undefined;
        finish(false);
      });
      child.on('message', (what: Say) => {
        if (what.says === 'done') return finish(what.isClean);
        if (what.says === 'begins') {
          running = what.test;
          watch = new Watch(child.pid!);
        } else {
          running = undefined;
          ended.push(what);
        }
      });
      child.send(request);
    });
  }

  stop(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  #start(): ChildProcess {
    return fork(join(import.meta.dirname, 'judge-process.ts'), [this.#root, String(this.#blocks)], {
      cwd: this.#root,
      stdio: ['ignore', 'ignore', process.env['MMN_DEBUG'] ? 'inherit' : 'ignore', 'ipc'],
      // Worker threads inherit these, and take no other.
      execArgv: ['--conditions=@mmu-notifier/source'],
      env: { ...process.env, MMN_SEED: '1', NODE_OPTIONS: nodeOptions },
    });
  }
}

const starting: Limits = { busyMs: 20_000, wallMs: 60_000, idleMs: 20_000 };

/** How long a process has done something, or nothing, since it is watched. */
class Watch {
  readonly #stat: string;
  readonly #begun = performance.now();
  readonly #busyBefore: number;
  #busy: number;
  #idleSince = performance.now();

  constructor(pid: number) {
    this.#stat = `/proc/${pid}/stat`;
    this.#busy = this.#busyBefore = this.#read().busyMs;
  }

  isBeyond({ busyMs, wallMs, idleMs }: Limits): boolean {
    const now = performance.now();
    const { busyMs: busy, isRunnable } = this.#read();
    if (isRunnable || busy > this.#busy) this.#idleSince = now;
    this.#busy = busy;
    const idle = now - this.#idleSince;
    return busy - this.#busyBefore > busyMs || now - this.#begun > wallMs || idle > idleMs;
  }

  /** Where there is no /proc, only the wall clock says something. */
  #read(): { busyMs: number; isRunnable: boolean } {
    try {
      const stat = readFileSync(this.#stat, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const busyMs = (Number(fields[11]) + Number(fields[12])) * tickMs;
      const children = Number(fields[13]) + Number(fields[14]);
      return { busyMs: busyMs + children * tickMs, isRunnable: fields[0] === 'R' };
    } catch {
      return { busyMs: 0, isRunnable: true };
    }
  }
}
