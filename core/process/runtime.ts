/**
 * Which runtime this process is, and what differs between the two. The connector runs on Bun and on Node from one source
 * (ADR 0001); nothing else asks for the runtime's name.
 */
export type RuntimeName = 'node' | 'bun';

const bunVersion: string | undefined = process.versions.bun;

export const RUNTIME: { name: RuntimeName; version: string } =
  bunVersion === undefined ? { name: 'node', version: process.versions.node } : { name: 'bun', version: bunVersion };

/** What only one of them does. A property for each difference, so that the code that needs it says what for. */
export const runtimeHas: Readonly<{
  /** `ws` shows the socket that it reads. */
  visibleSockets: boolean;
  /** A TLS context that all sockets share has to be made, and given to each. */
  tlsContextByHand: boolean;
  /** `ws` takes the URL of a proxy as an option, and takes no notice of an agent. */
  proxyOption: boolean;
}> = {
  visibleSockets: RUNTIME.name === 'node',
  tlsContextByHand: RUNTIME.name === 'node',
  proxyOption: RUNTIME.name === 'bun',
};
