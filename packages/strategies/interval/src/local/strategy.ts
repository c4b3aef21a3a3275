/** The strategy of one event loop, with the checks of `verify` if they are wanted. */
import { NotifierError, type CreateOptions, type Strategy, type Traits } from '@mmu-notifier/core';
import { refuseVariant } from '../refusals.ts';
import { LocalNotifier, type LocalChecks } from './notifier.ts';
import { traits } from './traits.ts';

/** See the contract’s `Strategy`. It lives in objects: no memory is brought, none attached to, and `capacity` says nothing. */
export type LocalStrategy = Strategy<LocalNotifier>;

/** See the file's head. */
export function localStrategy(checks?: LocalChecks): LocalStrategy {
  return Object.freeze({
    name: 'interval',
    variants,
    traits: traitsOf,
    byteLength: () => 0,
    create({ variant, memory }: CreateOptions = {}): LocalNotifier {
      traitsOf(variant);
      if (memory !== undefined) refuseMemory();
      return new LocalNotifier(checks);
    },
    attach: refuseMemory,
  });
}

const variants = /* @__PURE__ */ Object.freeze(['local']);

function traitsOf(variant = 'local'): Traits {
  return variant === 'local' ? traits : refuseVariant(variants, variant);
}

function refuseMemory(): never {
  throw new NotifierError(
    'MMN_MEMORY',
    'expected no memory, since this notifier is of one event loop and lives in objects, got some: @mmu-notifier/interval/shared takes yours',
  );
}
