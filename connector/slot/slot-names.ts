import type { SlotSpec } from '../transport/slot-spec.ts';
import type { Transport } from '../transport/transport.ts';

/** A slot in log lines. */
export const namesOf = <S extends SlotSpec>(transport: Transport<S>, spec: S): Readonly<Record<string, string>> => ({
  slot: spec.slotID,
  bot: spec.bot,
  ...transport.logNames(spec),
});
