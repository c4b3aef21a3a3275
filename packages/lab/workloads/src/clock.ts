/**
 * Times as nanoseconds since the first time seen: since 1970 they would not fit in a safe integer.
 */
export class Clock {
  #baseSeconds = Number.NaN;
  #baseNs = 0;

  /**
   * @param seconds whole seconds, as text
   * @param fraction the digits behind the point, at most nine count
   * @returns nanoseconds since the first call; negative if the recording goes back in time
   */
  at(seconds: string, fraction: string): number {
    const whole = Number(seconds);
    const ns = nanoseconds(fraction);
    if (Number.isNaN(this.#baseSeconds)) {
      this.#baseSeconds = whole;
      this.#baseNs = ns;
    }
    return (whole - this.#baseSeconds) * 1e9 + (ns - this.#baseNs);
  }
}

/** The digits behind a decimal point of seconds, as nanoseconds. */
export function nanoseconds(fraction: string): number {
  if (fraction.length === 9) return Number(fraction);
  return Number(fraction.padEnd(9, '0').slice(0, 9));
}
