import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ManifestBot, type Manifests, parseManifests } from '#cli/standalone/manifests/manifest.ts';
import { qualifiedName } from '#core/api/object-name.ts';
import { appTokenKeyOf } from '#core/api/slackapp.ts';
import { appRefOf, secretKeysOf } from '#core/api/slackbot.ts';

const examples = join(import.meta.dirname, '../../../examples');
const files = readdirSync(examples).filter((file) => file.endsWith('.yaml'));
const read = (file: string): Manifests => parseManifests(readFileSync(join(examples, file), 'utf8'), file);

const tokenOf = ({ secrets }: Manifests, namespace: string, name: string | undefined, key: string) =>
  secrets.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name)?.data[key];

/** What its transport needs, of what the file holds. */
function needOf(all: Manifests, bot: ManifestBot): string | undefined {
  const { metadata, spec } = bot;
  const keys = secretKeysOf(spec);
  const secret = spec.credentials?.secretRef.name;
  switch (spec.transport) {
    case 'RTM':
      return tokenOf(all, metadata.namespace, secret, keys.token);
    case 'SocketMode':
      return tokenOf(all, metadata.namespace, secret, keys.appToken);
    case 'App':
      return all.apps.map(qualifiedName).find((name) => name === appRefOf(bot));
    default:
      return spec.transport satisfies never;
  }
}

const NEED = { RTM: /^xoxb-/, SocketMode: /^xapp-/, App: /^helpdesk\/helpdesk$/ };

describe('the examples', () => {
  it('are these', () => {
    expect(files.sort()).toEqual(['many.yaml', 'rtm.yaml', 'slackapp.yaml', 'slackbot.yaml']);
  });

  it.each(files)('examples/%s is taken whole, and each bot finds its token or its app', (file) => {
    const all = read(file);
    expect(all.problems).toEqual([]);
    expect(all.bots.length).toBeGreaterThan(0);
    for (const bot of all.bots) expect(needOf(all, bot), bot.metadata.name).toMatch(NEED[bot.spec.transport]);
    for (const { metadata, spec } of all.apps) {
      expect(tokenOf(all, metadata.namespace, spec.credentials.secretRef.name, appTokenKeyOf(spec))).toMatch(/^xapp-/);
    }
  });

  it('show every transport', () => {
    const bots = files.flatMap((file) => read(file).bots);
    expect(new Set(bots.map(({ spec }) => spec.transport))).toEqual(new Set(['RTM', 'SocketMode', 'App']));
  });
});
