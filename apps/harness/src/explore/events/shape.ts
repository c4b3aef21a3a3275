/** What an execution of asynchronous code broke, in few words: how a found failure is told from another. */
import { codeOf, InvariantError } from '@mmu-notifier/core';
import type { EventFailure } from '@mmu-notifier/explorer';
import { Finding } from './space.ts';

/**
 * `stale before-after`, `hang reader`, `told twice`, …: see {@link Finding}. A hang names the actors that wait, and in
 * parentheses the step after which they do.
 */
export function shapeOf({ verdict, error, waiting }: EventFailure): string {
  if (verdict === 'deadlock') {
    return `hang: ${waiting.map(({ actor, step }) => `${actor} (${step})`).join(', ')}`;
  }
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof Finding) return cause.shape;
    if (cause instanceof InvariantError) return 'invariant';
  }
  return verdict === 'assertion' ? `error ${codeOf(error) ?? String(error)}` : verdict;
}
