/** Row of the table -> what keeps it from its target, in a sentence. Shown only while the target is missed. */
export const HELD_BY: Readonly<Record<string, string>> = {
  'rss-2000-small':
    'The bare loop on Bun, which keeps nothing for a team, is above the target, too. Of what a connector takes more, a part is its code (the row of the start), a part the state of the teams, and a part a heap that the storm of connects has scattered: collecting it by force holds the process for too long, so that none is forced.',
  'rss-2000-chain':
    'The bare loop on Bun is above the target here as well: each TLS session of Bun keeps the chain that the server sent, parsed. The rest as above.',
  'rss-10000': 'As for 2,000 teams: what a team takes beside its TLS session, and the scattered heap.',
  'cpu-2000':
    'The CPU of an idle connector is in it: pings, their answers and heartbeats of 2,000 sockets, spread over 2,000 events, are a third of the figure. They are the price of noticing a dead connection within 10 s.',
  'cpu-10000':
    'Finding out what identifies an event, the SHA-256 of that, the item and the arguments of the script; `bench/event.ts` shows what each step takes.',
  'redis-2000':
    'Two commands an event for its mark, called from a script, in hashes of their own for each minute, where the bare loop has one command and one hash for ever; and Redis sleeps between batches, which finds caches cold: the bare loop, too, takes much more here than at 10,000.',
  'redis-10000':
    'Two commands an event for its mark, called from a script, where the bare loop has one; the bare loop itself is just below the target.',
  'first-hello':
    'The bundle is compiled at each start: the executable, which holds bytecode, is well below the target. Bun makes bytecode of a bundle of modules for executables alone.',
  'idle-cpu':
    'Each second brings 200 pings of Slack to answer, and sends some 300 of ours, since what the websocket of RTM answers by itself proves no Slack behind it (ADR 0028): about 500 writes and as many reads through TLS.',
};
