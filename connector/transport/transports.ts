import type { Slot } from '../../core/protocol/assignment.ts';
import type { WebApi } from '../../core/slack/web-api.ts';
import type { RouteTable } from '../route/route-table.ts';
import { rtmConnect } from './rtm/rtm-connect.ts';
import { type RtmSpec, rtmSpec, rtmTransport } from './rtm/rtm-transport.ts';
import type { SharedSpec } from './slot-spec.ts';
import { appsConnectionsOpen } from './socket-mode/apps-connections-open.ts';
import { BotIdentities } from './socket-mode/bot-identity.ts';
import { type AppSpec, appSpec, type SocketModeSpec, socketModeSpec } from './socket-mode/socket-mode-spec.ts';
import { appTransport, socketModeTransport } from './socket-mode/socket-mode-transport.ts';
import type { Transport } from './transport.ts';

/**
 * The kinds of slots that this connector runs, each in a folder beside this file. A new kind is registered here: its spec in
 * the union, its transport in `Transports`, and how an assignment becomes its spec. Nothing else knows which kinds exist.
 */
export type TransportSpec = RtmSpec | SocketModeSpec | AppSpec;

export type Transports = { readonly [K in TransportSpec['kind']]: Transport<Extract<TransportSpec, { kind: K }>> };

/** What transports share. */
export interface TransportDeps {
  webApi: WebApi;
  cluster: string;
  /** Which SlackBot a team of an app belongs to. */
  routes: RouteTable;
}

export function createTransports({ webApi, cluster, routes }: TransportDeps): Transports {
  const open = appsConnectionsOpen(webApi);
  return {
    rtm: rtmTransport({ connect: rtmConnect(webApi), cluster }),
    socketMode: socketModeTransport({ open, identities: new BotIdentities(webApi), cluster }),
    app: appTransport({ open, routes, cluster }),
  };
}

/** How an assignment becomes its spec, once its token is open. */
export function specOf(slot: Slot, shared: SharedSpec): TransportSpec {
  switch (slot.kind) {
    case 'rtm':
      return rtmSpec(slot, shared);
    case 'socketMode':
      return socketModeSpec(slot, shared);
    case 'app':
      return appSpec(slot, shared);
    default:
      return slot satisfies never;
  }
}
