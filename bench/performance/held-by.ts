/** Row of the table -> what keeps it from its target, in a sentence. Shown only while the target is missed. */
export const HELD_BY: Readonly<Record<string, string>> = {
  'rss-2000-small':
    "46 MB are pages of Bun's own binary, which processes of one machine share. Of the rest, after a forced collection 21 MB are live JavaScript, in a heap of 33 to 39 MB that the storm of connects has scattered; such a collection held a process for 150 ms and gave back 8 to 14 MB, so that none is forced.",
  'idle-cpu':
    'each second brings 200 pings of Slack to answer, and sends some 300 of ours, since what the websocket of RTM answers by itself proves no Slack behind it (ADR 0028): about 500 writes and as many reads through TLS.',
};
