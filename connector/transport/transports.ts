import type { Slot } from '../../core/protocol/assignment.ts';
import type { WebApi } from '../slack/web-api.ts';
import { rtmConnect } from './rtm/rtm-connect.ts';
import { type RtmSpec, rtmSpec, rtmTransport } from './rtm/rtm-transport.ts';
import type { SharedSpec } from './slot-spec.ts';
import type { Transport } from './transport.ts';

/**
 * The kinds of slots that this connector runs, each in a folder beside this file. A new kind is registered here: its spec in
 * the union, its transport in `Transports`, and how an assignment becomes its spec. Nothing else knows which kinds exist.
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

/** How an assignment becomes its spec, once its token is open; undefined for a kind that this version does not run. */
export function specMaker(slot: Slot): ((shared: SharedSpec) => TransportSpec) | undefined {
  switch (slot.kind) {
    case 'rtm':
      return (shared) => rtmSpec(slot, shared);
    case 'socketMode':
    case 'app':
      return undefined;
    default:
      return slot satisfies never;
  }
}
