/** Shows a result on one side of a page, and whether it is what it should be. */
export function show(id: string, result: string, expected: string): void {
  const side = document.querySelector<HTMLElement>(`#${id}`)!;
  side.querySelector('output')!.textContent = result;
  side.dataset['verdict'] = result === expected ? 'right' : 'wrong';
}
