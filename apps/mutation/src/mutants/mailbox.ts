/**
 * Mistakes in how a callback comes to run on its owner. The kit has no mailboxes, so no key catches them: the explorer alone, in
 * situations whose callbacks run on their owners.
 */
import type { Broken } from '../mutant.ts';

const mailbox = 'packages/foundation/sync/src/mailbox.ts';
const waiting = 'packages/foundation/sync/src/waiting.ts';

type Row = readonly [name: string, file: string, find: string, replace: string, ordering: string];

const rows: readonly Row[] = [
  [
    'who posts rings before the post is there',
    mailbox,
    '    region.store(at + PostAt.state, postedFor(box));\n    const bell = this.#boxAt(box) + BoxAt.bell;\n    region.add(bell, 1);',
    '    const bell = this.#boxAt(box) + BoxAt.bell;\n    region.add(bell, 1);\n    region.store(at + PostAt.state, postedFor(box));',
    'bell and post in the wrong order: the owner looks too early, and never again',
  ],
  [
    'a post is there before it is filled in',
    mailbox,
    '    wide[(at >> 1) + PostAt.end] = range.end;\n    region.store(at + PostAt.state, postedFor(box));\n    const bell = this.#boxAt(box) + BoxAt.bell;\n    region.add(bell, 1);\n',
    '    region.store(at + PostAt.state, postedFor(box));\n    const bell = this.#boxAt(box) + BoxAt.bell;\n    region.add(bell, 1);\n    wide[(at >> 1) + PostAt.end] = range.end;\n',
    'contents and state in the wrong order',
  ],
  [
    'the owner hears what was rung while it looked',
    mailbox,
    '    this.#heard = rung;\n    const posted = postedFor(this.#box);\n    for (let post = 0; post < postsMax; post++) {',
    '    const posted = postedFor(this.#box);\n    for (let post = 0; post < postsMax; post++) {\n      this.#heard = region.load(this.#boxAt(this.#box) + BoxAt.bell);',
    'look and bell in the wrong order: a post is overlooked',
  ],
  [
    'an answer wakes nobody',
    mailbox,
    '      wake(region, at + PostAt.state);',
    '',
    'a wake is missing',
  ],
  [
    'two posters take one post',
    mailbox,
    'if (this.region.compareExchange(at + PostAt.state, State.free, State.taken)) return at;',
    'if (this.region.load(at + PostAt.state) === State.free) {\n        this.region.store(at + PostAt.state, State.taken);\n        return at;\n      }',
    'look and take are not one',
  ],
  [
    'a thread that blocks serves nobody',
    waiting,
    '  for (const serve of servers) serve();\n',
    '',
    'two wait for each other',
  ],
  [
    'a thread serves before it blocks, and then sleeps through posts',
    waiting,
    'servers.size > 0 ? serveMs : Infinity',
    'Infinity',
    'a post between look and sleep is overlooked',
  ],
];

export const mailboxMutants: readonly Broken[] = rows.map(
  ([name, file, find, replace, ordering]) => ({
    name: `mailbox: ${name}`,
    strategy: 'interval',
    exportName: 'interval',
    patch: { file, find, replace },
    ordering,
  }),
);
