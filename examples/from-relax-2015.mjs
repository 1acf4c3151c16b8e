// Converts the bots hash of the Relax of 2015 to SlackBots and Secrets, for kubectl or `relax standalone`:
//   redis-cli -u "$REDIS_URL" HGETALL "$RELAX_BOTS_KEY" | node examples/from-relax-2015.mjs > bots.yaml
// HVALS works too; entries are then reported by number instead of by field. The output holds the tokens in plain text: keep
// it where you keep tokens. It is JSON, which is also YAML. Entries that are left out are reported on stderr with the reason
// and the remedy, but never with their token, and make the exit code 1. See docs/migration.md.
import { createInterface } from 'node:readline';

const TEAM_ID = /^[TE][A-Z0-9]{2,}$/;
const TOKEN = /^(xoxe\.)?xox[bps]-[A-Za-z0-9_-]{4,}$/;
const QUEUE_NAMESPACE = /^[A-Za-z0-9._:@/+-]{0,128}$/;
/** TEAM, or NAMESPACE-TEAM. */
const FIELD = /(^|-)[TE][A-Z0-9]{2,}$/;
/** How redis-cli reports in a pipe that Redis refused the command. */
const REDIS_ERROR = /^(\(error\)|ERR|WRONGTYPE|NOAUTH|WRONGPASS|NOPERM|MOVED|LOADING)\b/;

/** A valid Kubernetes name: lower case letters, digits and '-', at most 63 characters here. */
const nameOf = (namespace, team) =>
  [namespace, team]
    .join('-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63);

const taken = new Set();

/** Two namespaces may map to one name: `Acme` and `acme`. */
function freeName(namespace, team) {
  const name = nameOf(namespace, team);
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}-${n}`;
  taken.add(free);
  return free;
}

function manifests({ teamID, token, queueNamespace }) {
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

/** What came in may be anything, and somebody may have written a token where a name belongs. */
const looksLikeToken = (text) => /x(ox|app)/i.test(text);
const shown = (value) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return looksLikeToken(text) ? 'something like a token' : JSON.stringify(text.slice(0, 60));
};

class Problem extends Error {}

function parse(value) {
  try {
    return JSON.parse(value);
  } catch {
    throw new Problem('it is not JSON: it must be an object in one line, {"team_id": "T...", "token": "xoxb-..."}');
  }
}

function teamOf({ team_id: teamID }) {
  if (teamID === undefined || teamID === '') throw new Problem('team_id is missing: add the id of its team, T...');
  if (typeof teamID === 'string' && TEAM_ID.test(teamID)) return teamID;
  const hint = 'it is T or E with capital letters and digits; auth.test tells the one of the token';
  throw new Problem(`team_id is ${shown(teamID)}, which is no id of a Slack team: ${hint}`);
}

function tokenOf({ token }) {
  const text = typeof token === 'string' ? token.trim() : '';
  if (text === '')
    throw new Problem('token is missing or empty: put the bot token (xoxb-...) there, or delete the field');
  if (TOKEN.test(text)) return text;
  if (text.startsWith('xapp-'))
    throw new Problem('token is an app-level one (xapp-), and RTM needs a bot token (xoxb-...)');
  throw new Problem('token does not look like one of Slack: put the bot token (xoxb-...) there');
}

function queueNamespaceOf({ namespace }) {
  if (namespace === undefined || namespace === null) return '';
  if (typeof namespace !== 'string') throw new Problem('namespace is no text: make it one, or take it out');
  const text = namespace.trim();
  if (QUEUE_NAMESPACE.test(text)) return text;
  const rule = 'at most 128 letters, digits and . _ : @ / + -';
  throw new Problem(`namespace ${shown(text)} can't be kept (${rule}): rename it here and in your consumer`);
}

/** Team and token -> who has them. */
const seen = new Map();

function botOf(value, who) {
  const bot = parse(value);
  if (typeof bot !== 'object' || bot === null || Array.isArray(bot)) throw new Problem('it is JSON, but no object');
  const found = { teamID: teamOf(bot), token: tokenOf(bot), queueNamespace: queueNamespaceOf(bot) };
  const same = `${found.teamID} ${found.token}`;
  const first = seen.get(same);
  if (first !== undefined) {
    throw new Problem(`it has the team and the token of ${first}, so it is the same bot: one of them is enough`);
  }
  seen.set(same, who);
  return found;
}

/** The team in a value that is wrong otherwise: it helps to find it. */
function teamWords(value) {
  try {
    const { team_id: teamID, namespace } = JSON.parse(value);
    if (typeof teamID !== 'string' || !TEAM_ID.test(teamID)) return '';
    return typeof namespace === 'string' && namespace !== ''
      ? ` (team ${teamID}, namespace ${shown(namespace)})`
      : ` (team ${teamID})`;
  } catch {
    return '';
  }
}

/** @returns values with their fields, as HGETALL prints them by turns; or without, as HVALS does */
function entriesOf(lines) {
  const evens = lines.filter((_, at) => at % 2 === 0);
  const pairs =
    lines.length % 2 === 0 && evens.some((line) => FIELD.test(line)) && !evens.some((line) => line.startsWith('{'));
  if (!pairs) return lines.map((value, at) => ({ who: `value ${at + 1} of the hash`, value }));
  return evens.map((field, at) => ({
    who: `field ${looksLikeToken(field) ? at + 1 : shown(field)} of the hash`,
    value: lines[2 * at + 1],
  }));
}

function complain(text) {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

const lines = [];
for await (const line of createInterface({ input: process.stdin })) if (line.trim() !== '') lines.push(line.trim());

const items = [];
if (lines.length === 0) {
  complain(
    'nothing came in: is $RELAX_BOTS_KEY the name of the bots hash, and $REDIS_URL its Redis (and database number)?',
  );
} else if (lines.length === 1 && REDIS_ERROR.test(lines[0])) {
  complain(`Redis refused the command: ${lines[0].slice(0, 200)}. Check $RELAX_BOTS_KEY and $REDIS_URL`);
} else {
  for (const { who, value } of entriesOf(lines)) {
    try {
      items.push(...manifests(botOf(value, who)));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      complain(`${who}${teamWords(value)} is no bot, left out: ${error.message}`);
    }
  }
  if (process.exitCode === 1) complain(`written all the same: SlackBots and Secrets of ${items.length / 2} bots`);
}
process.stdout.write(`${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 2)}\n`);
