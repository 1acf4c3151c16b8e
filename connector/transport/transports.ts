import type { Slot } from '../../core/protocol/assignment.ts';
import type { WebApi } from '../slack/web-api.ts';
import { rtmConnect } from './rtm/rtm-connect.ts';
import { type RtmSpec, rtmSpec, rtmTransport } from './rtm/rtm-transport.ts';
import type { SlotSpec } from './slot-spec.ts';
import type { Transport } from './transport.ts';

/**
 * The kinds of slots that this connector runs, each a folder beside this file. A new one is registered here: its spec in
 * the union, its transport in `Transports`, and how an assignment becomes its spec. Nothing else knows which there are.
 */
export type TransportSpec = RtmSpec;

export type Transports = { readonly [K in TransportSpec['kind']]: Transport<Extract<TransportSpec, { kind: K }>> };

/** What transports share. */
export interface TransportDeps {
  webApi: WebApi;
  cluster: string;
}

export const createTransports = ({ webApi, cluster }: TransportDeps): Transports => ({
  rtm: rtmTransport({ connect: rtmConnect(webApi), cluster }),
});

export type ServedSlot = Extract<Slot, { kind: TransportSpec['kind'] }>;

export function isServed(slot: Slot): slot is ServedSlot {
  switch (slot.kind) {
    case 'rtm':
      return true;
    case 'socketMode':
    case 'app':
      return false;
    default:
      return slot satisfies never;
  }
}

/** @param shared what every kind of slot has, the token opened */
export function specOf(slot: ServedSlot, shared: Omit<SlotSpec, 'kind'>): TransportSpec {
  switch (slot.kind) {
    case 'rtm':
      return rtmSpec(slot, shared);
    default:
      return slot.kind satisfies never;
  }
}
