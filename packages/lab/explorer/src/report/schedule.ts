/**
 * Schedules as short strings. Threads are letters in the order of the scenario; `a12b3a` lets the first thread take 12 steps, then
 * the second 3, then the first 1; `a=2` is a step that chooses 2.
 */
import { ExplorerError } from '../errors.ts';
import { choiceOf, decision, threadOf, type Decision } from '../search/search.ts';

/** The string for a schedule. */
export function formatSchedule(
  schedule: readonly Decision[],
  chooses: (step: number) => boolean,
): string {
  let text = '';
  for (let i = 0; i < schedule.length;) {
    const step = schedule[i]!;
    text += String.fromCharCode(97 + threadOf(step));
    if (chooses(i)) {
      text += `=${choiceOf(step)}`;
      i++;
      continue;
    }
    let count = 1;
    while (schedule[i + count] === step && !chooses(i + count)) count++;
    if (count > 1) text += count;
    i += count;
  }
  return text;
}

/**
 * The schedule that a string means.
 *
 * @throws ExplorerError when it is none
 */
export function parseSchedule(text: string): Decision[] {
  const schedule: Decision[] = [];
  const rest = text.replace(
    /([a-p])(?:=(\d+)|(\d*))/g,
    (_, letter: string, choice?: string, count?: string) => {
      const thread = letter.charCodeAt(0) - 97;
      if (choice !== undefined) schedule.push(decision(thread, Number(choice)));
      else for (let i = 0; i < Number(count || 1); i++) schedule.push(decision(thread));
      return '';
    },
  );
  if (rest !== '') {
    throw new ExplorerError(`expected a schedule such as 'a12b3a', got '${text}'`);
  }
  return schedule;
}
