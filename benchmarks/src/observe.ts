/**
 * The process of one observation: `observe.ts SECTION INPUT CONTENDER` prints the ProcessObservation as one line of JSON.
 *
 * It imports its own section only: with all of them a process would take three times as long until something is measured.
 */
import { measureContention } from './contention.ts';
import type { ProcessObservation } from './method.ts';
import type { Json, Section } from './section.ts';

const [name, input = 'null', contender = ''] = process.argv.slice(2);
const module = (await import(`./sections/${name}.ts`)) as Record<string, Section>;
const section = Object.values(module).find((section) => section.name === name);
if (section === undefined) throw new Error(`no section ${name}`);
const before = measureContention();
const observation = await section.observe(JSON.parse(input) as Json, contender);
const contention = Math.min(before, measureContention());
const printed: ProcessObservation = { ...observation, contention };
process.stdout.write(`${JSON.stringify(printed)}\n`);
