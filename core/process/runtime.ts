import { devNull } from 'node:os';

/**
 * Which runtime this process is, and what differs between the two. The connector runs on Bun and on Node from one source
 * (ADR 0024); nothing else asks for the runtime's name.
 */
export const RUNTIMES = ['bun', 'node'] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

const bunVersion: string | undefined = process.versions.bun;

export const RUNTIME: { name: RuntimeName; version: string } =
  bunVersion === undefined ? { name: 'node', version: process.versions.node } : { name: 'bun', version: bunVersion };

/** Whether this is `relax` as a single executable, which is its own runtime: the sources are in a file system inside of it. */
export const isExecutable: boolean = /\/(\$bunfs|~BUN)\//.test(import.meta.url);

/** What only one of them does. A property for each difference, so that the code that needs it says what for. */
export const runtimeHas: Readonly<{
  /** `ws` shows the socket that it reads. */
  visibleSockets: boolean;
  /** A TLS context that all sockets share has to be made, and given to each. */
  tlsContextByHand: boolean;
  /** `ws` takes the URL of a proxy as an option, and takes no notice of an agent. */
  proxyOption: boolean;
  /** Garbage collections, heap spaces and what keeps the process alive can be counted. Bun says 0 or nothing. */
  v8Metrics: boolean;
  /** `undici` checks a server by the CA that it is given, without which a client of Kubernetes must not be used. */
  undiciTrust: boolean;
}> = {
  visibleSockets: RUNTIME.name === 'node',
  tlsContextByHand: RUNTIME.name === 'node',
  proxyOption: RUNTIME.name === 'bun',
  v8Metrics: RUNTIME.name === 'node',
  undiciTrust: RUNTIME.name === 'node',
};

/**
 * What a connector is started with on each of them, before its program. Those of Bun are in the image's entry as well
 * (`bin/relax-image.sh`), that of Node in the chart, as `connector.nodeOptions`.
 */
export const CONNECTOR_FLAGS: Readonly<Record<RuntimeName, readonly string[]>> = {
  // An event's objects live for milliseconds, so a connector needs no large young generation: 4 MB instead of 16 saved a tenth
  // of its memory at no measurable cost (bench/connector.ts).
  node: ['--max-semi-space-size=4'],
  // A .env or bunfig.toml in the working directory would otherwise become environment and code of the connector.
  bun: ['--no-env-file', `--config=${devNull}`, '--no-install'],
};

/** The oldest version of each that can run the connector. */
export const OLDEST: Readonly<Record<RuntimeName, string>> = { node: '24.0.0', bun: '1.4.0' };
