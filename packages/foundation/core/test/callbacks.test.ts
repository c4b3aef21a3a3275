/* oxlint-disable unicorn/no-thenable -- what is no Promise but has a then is tested too */
/** What strategies call subscribers with: steps in both forms, giving up, tables of ops, and the errors of callbacks. */
import { describe, expect, it } from 'vitest';
import {
  abortable,
  callbackAsync,
  callbackFailed,
  isPromise,
  NotifierError,
  OpsRegistry,
  runSteps,
  runStepsSync,
  type Steps,
  type SubscriptionOps,
} from '../src/index.ts';
import { thrownBy } from './thrown.ts';

/** Yields each of `results`, and returns what came back. What is thrown into it is kept, like a `finally` would see it. */
function* stepsOver(results: readonly unknown[], seen: unknown[] = []): Steps<unknown[]> {
  for (const result of results) {
    try {
      seen.push(yield result as undefined);
    } catch (error) {
      seen.push(error);
    }
  }
  return seen;
}

function* failing(first: unknown): Steps<void> {
  yield first as undefined;
  throw new Error('steps failed');
}

describe('runSteps', () => {
  it('returns at once when nothing has to be waited for', () => {
    expect(runSteps(stepsOver([1, 'two', undefined]))).toEqual([1, 'two', undefined]);
  });

  it('waits for each promise, and goes on at once in between', async () => {
    const ran = runSteps(stepsOver([1, Promise.resolve(2), 3, Promise.resolve(4)]));
    expect(isPromise(ran)).toBe(true);
    expect(await ran).toEqual([1, 2, 3, 4]);
  });

  it('throws a rejection into the steps, which may go on', async () => {
    const failure = new Error('failed');
    const ran = runSteps(stepsOver([1, Promise.reject(failure), 3, Promise.resolve(4)]));
    expect(await ran).toEqual([1, failure, 3, 4]);
  });

  it('passes on what the steps throw, before and after a wait', async () => {
    expect(() => runSteps(failing(1))).toThrow('steps failed');
    await expect(runSteps(failing(Promise.resolve()))).rejects.toThrow('steps failed');
  });

  it('waits for what is no Promise but has a then', async () => {
    const thenable = { then: (resolve: (value: number) => void) => resolve(2) };
    expect(await runSteps(stepsOver([1, thenable]))).toEqual([1, 2]);
  });
});

describe('runStepsSync', () => {
  it('returns what runSteps returns at once', () => {
    expect(runStepsSync(stepsOver([1, 'two']))).toEqual([1, 'two']);
  });

  it('throws MMN_CALLBACK_ASYNC into the steps for a promise, whose own failure goes nowhere', () => {
    const thenable = { then: () => {} };
    const seen = runStepsSync(stepsOver([Promise.reject(new Error('lost')), thenable, 3]));
    expect(seen).toEqual([
      expect.objectContaining({ code: 'MMN_CALLBACK_ASYNC' }),
      expect.objectContaining({ code: 'MMN_CALLBACK_ASYNC' }),
      3,
    ]);
  });
});

describe('abortable', () => {
  const reason = new Error('enough');

  it('leaves alone what need not be waited for, or has no signal', () => {
    const work = Promise.resolve(1);
    expect(abortable(work)).toBe(work);
    expect(abortable(2 as number | Promise<number>, AbortSignal.abort(reason))).toBe(2);
  });

  it('rejects with the reason, before and during, and drops the work’s own failure', async () => {
    const failing = Promise.reject(new Error('lost'));
    await expect(abortable(failing, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const never = new Promise<void>(() => {});
    const waited = abortable(never, controller.signal);
    controller.abort(reason);
    await expect(waited).rejects.toBe(reason);
  });

  it('is what the work is when that ends first', async () => {
    const { signal } = new AbortController();
    expect(await abortable(Promise.resolve(1), signal)).toBe(1);
    await expect(abortable(Promise.reject(reason), signal)).rejects.toBe(reason);
  });
});

describe('isPromise', () => {
  it.each([
    [Promise.resolve(), true],
    [{ then() {} }, true],
    [{ then: 1 }, false],
    [undefined, false],
    [null, false],
    [false, false],
  ])('of %o is %s', (value, is) => {
    expect(isPromise(value as Promise<void>)).toBe(is);
  });
});

describe('the errors of callbacks', () => {
  it('carry the reason as their cause, and say what it was', () => {
    const cause = new RangeError('index 7');
    expect(callbackFailed(cause)).toMatchObject({
      code: 'MMN_CALLBACK_FAILED',
      message: 'expected the callback to return, got RangeError: index 7',
      cause,
    });
    expect(callbackFailed('a string').message).toBe(
      'expected the callback to return, got a string',
    );
  });

  it('pass as they are when they are about callbacks already', () => {
    const own = callbackAsync(Promise.resolve());
    expect(callbackFailed(own)).toBe(own);
    const other = new NotifierError('MMN_CLOSED', 'the callback used what is closed');
    expect(callbackFailed(other)).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: other });
  });
});

describe('OpsRegistry', () => {
  const ops: SubscriptionOps = { invalidate() {} };

  it('finds tables by id in shared memory, and takes them as they are in one event loop', () => {
    const registry = new OpsRegistry();
    registry.register(7, ops);
    expect(registry.resolve(7, true)).toBe(ops);
    expect(registry.resolve(7, false)).toBe(ops);
    expect(registry.resolve(ops, false)).toBe(ops);
  });

  it.each([-1, 0.5, 65_536, NaN])('refuses the id %d', (id) => {
    expect(thrownBy(() => new OpsRegistry().register(id, ops))).toEqual({
      code: 'MMN_OPTION',
      message: `expected an ops id from 0 to 65535, got ${id}`,
    });
  });

  it.each<[string, unknown, boolean, string]>([
    [
      'an id that nobody registered',
      3,
      true,
      'expected ops 3 to be registered in this agent with registerOps, got none',
    ],
    ['nothing', undefined, false, 'expected ops with an invalidate function, got undefined'],
    ['null', null, false, 'expected ops with an invalidate function, got null'],
    ['no table', {}, false, 'expected ops with an invalidate function, got object'],
    [
      'functions in shared memory',
      { invalidate() {} },
      true,
      'expected the id of registered ops in shared memory, since functions cannot cross agents, got an object',
    ],
  ])('refuses %s', (_name, given, shared, message) => {
    const resolve = (): unknown => new OpsRegistry().resolve(given as SubscriptionOps, shared);
    expect(thrownBy(resolve)).toEqual({ code: 'MMN_OPS_UNKNOWN', message });
  });
});
