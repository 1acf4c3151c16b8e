import { type Manifests, parseManifests } from '#cli/standalone/manifests/manifest.ts';

/** Manifests of a bot and, with a token, of its Secret. */
export const bot = (name: string, spec: Record<string, unknown> = {}): object => ({
  apiVersion: 'relax.dev/v1alpha1',
  kind: 'SlackBot',
  metadata: { name, namespace: 'bots' },
  spec: { teamID: `T0${name.toUpperCase()}`, credentials: { secretRef: { name } }, ...spec },
});

/** A SlackApp; its app-level token is in the Secret of the same name under the key `app-token`. */
export const app = (name: string, spec: Record<string, unknown> = {}): object => ({
  apiVersion: 'relax.dev/v1alpha1',
  kind: 'SlackApp',
  metadata: { name, namespace: 'bots' },
  spec: { appID: `A0${name.toUpperCase()}`, credentials: { secretRef: { name } }, ...spec },
});

/** The key under which a Secret has such a token, unless a manifest says otherwise. */
export const keyFor = (token: string): string => (token.startsWith('xapp-') ? 'app-token' : 'token');

export const secret = (name: string, token = `xoxb-100-${name}`): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'bots' },
  stringData: { [keyFor(token)]: token },
});

/** As a file `bots.yaml` with these documents gives. */
export const read = (...documents: object[]): Manifests =>
  parseManifests(documents.map((document) => JSON.stringify(document)).join('\n---\n'), 'bots.yaml');
