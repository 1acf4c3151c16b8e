import type { StandingFault } from '../slack-simulator/fault.ts';
import type { Network } from '../test/support/network/network.ts';
import type { Blow } from './fleet/slack-process.ts';

/** A way in which Slack as a whole fails. */
export interface Way {
  name: string;
  /** Where connections lead to meanwhile. */
  network?: Network;
  faults?: readonly StandingFault[];
  /** What the HTTP proxy answers to CONNECT meanwhile; a way with it has connectors that need a proxy. */
  proxyStatus?: number;
  /** What befalls the sockets that are live, and how long after the beginning. */
  blow: Blow;
  blowAfterMs: number;
}

const METHODS = ['rtm.connect', 'apps.connections.open', 'auth.test'];
type Answer = Extract<StandingFault, { at: 'method' }>['answer'];
const api = (answer: Answer): StandingFault[] => METHODS.map((method) => ({ at: 'method', method, answer }));
const upgrade = (answer: Extract<StandingFault, { at: 'upgrade' }>['answer']): StandingFault[] => [
  { at: 'upgrade', answer },
];

const faults: [string, readonly StandingFault[]][] = [
  ['API 503', api({ kind: 'http', status: 503 })],
  ['API hangs', api({ kind: 'hang' })],
  ['API resets', api({ kind: 'reset' })],
  ['upgrade 503', upgrade({ kind: 'http', status: 503 })],
  ['upgrade 403', upgrade({ kind: 'http', status: 403 })],
  ['upgrade 429', upgrade({ kind: 'http', status: 429 })],
  ['upgrade hangs', upgrade({ kind: 'hang' })],
  ['hello never', [{ at: 'hello', answer: { kind: 'never' } }]],
];
const networks: [string, Network][] = [
  ['ENOTFOUND', 'noName'],
  ['EAI_AGAIN', 'noNameServer'],
  ['refused', 'refused'],
  ['no route', 'blackhole'],
  ['TLS hangs', 'silent'],
  ['TCP reset', 'reset'],
  ['TLS certificate', 'otherCertificate'],
];

/** @param lengthMs of the outage: sockets end as it begins, or in the middle of it, or go silent as it begins */
export function ways(lengthMs: number): Way[] {
  const ends = [
    ['', { blow: 'drop', blowAfterMs: 0 }],
    [', dropped later', { blow: 'drop', blowAfterMs: lengthMs / 2 }],
    [', half-open', { blow: 'halfOpen', blowAfterMs: 0 }],
  ] as const;
  return ends.flatMap(([words, end]) => [
    ...faults.map(([name, of]) => ({ name: name + words, faults: of, ...end })),
    ...networks.map(([name, network]) => ({ name: name + words, network, ...end })),
    ...[502, 407].map((proxyStatus) => ({ name: `proxy ${proxyStatus}${words}`, proxyStatus, ...end })),
  ]);
}
