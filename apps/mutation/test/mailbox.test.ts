/** Mistakes in mailboxes: no key of the kit sees them, so that they are still mistakes of what is shipped is asked here. That they are found, explored.test.ts. */
import { expect, it } from 'vitest';
import { mailboxMutants } from '../src/mutants/mailbox.ts';
import { patchedFile } from '../src/patch.ts';

it.each(mailboxMutants)('$name: its place is in the source exactly once', ({ patch, ordering }) => {
  expect(patchedFile(patch!)).not.toBe('');
  expect(ordering).toBeTruthy();
});
