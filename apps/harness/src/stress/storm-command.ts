export async function stormCommand(_o: unknown, _s: AbortSignal): Promise<number> {
  return 0;
}
