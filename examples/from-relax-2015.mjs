// Turns the bots hash of the Relax of 2015 into SlackBots and Secrets, which kubectl and `relax standalone` read alike:
//   redis-cli -u "$REDIS_URL" HVALS "$RELAX_BOTS_KEY" | node examples/from-relax-2015.mjs > bots.yaml
// The output holds the tokens in plain text: keep it where you keep tokens. JSON is YAML, so the file may be named so.
// A line that is no bot is named on stderr, never repeated, and makes the exit code 1. See docs/migration.md.
import { createInterface } from 'node:readline';

/** What Kubernetes takes as a name: lower case letters, digits and '-', at most 63 here. */
const nameOf = (namespace, team) =>
  [namespace, team]
    .join('-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63);

const taken = new Set();

/** Two namespaces may come out as one name: `Acme` and `acme`. */
function freeName(namespace, team) {
  const name = nameOf(namespace, team);
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}-${n}`;
  taken.add(free);
  return free;
}

function manifests({ team_id: teamID, token, namespace }) {
  const queueNamespace = (namespace ?? '').trim();
  const name = freeName(queueNamespace, teamID);
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${name}-slack`, labels: { 'relax.dev/credentials': 'true' } },
      stringData: { token },
    },
    {
      apiVersion: 'relax.dev/v1alpha1',
      kind: 'SlackBot',
      metadata: { name },
      spec: {
        teamID,
        credentials: { secretRef: { name: `${name}-slack` } },
        ...(queueNamespace === '' ? {} : { queueNamespace }),
      },
    },
  ];
}

function parse(line) {
  try {
    const bot = JSON.parse(line);
    return typeof bot?.team_id === 'string' && typeof bot?.token === 'string' ? bot : undefined;
  } catch {
    return undefined;
  }
}

const items = [];
let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === '') continue;
  count += 1;
  const bot = parse(line);
  if (bot === undefined) {
    process.stderr.write(`value ${count} of the hash is no bot (JSON with team_id and token), left out\n`);
    process.exitCode = 1;
  } else {
    items.push(...manifests(bot));
  }
}
process.stdout.write(`${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 2)}\n`);
