/** The process of one observation: `observe.ts SECTION INPUT CONTENDER` prints the Observation as one line of JSON. */
import type { Json } from './section.ts';
import { SECTIONS } from './sections/index.ts';

const [name, input = 'null', contender = ''] = process.argv.slice(2);
const section = SECTIONS.find((section) => section.name === name);
if (section === undefined) throw new Error(`no section ${name}`);
process.stdout.write(
  `${JSON.stringify(await section.observe(JSON.parse(input) as Json, contender))}\n`,
);
