import { waitFor } from '#test/support/wait.ts';
import { startRtm, webClient } from './official-clients.ts';

/** Run by official-clients-tls.test.ts as a process of its own: both of Slack's clients, nothing about TLS said. */
const [, , url = '', token = ''] = process.argv;
const { rtm, frames } = await startRtm(url, token);
const web = webClient(url, token);
const { user_id: user } = await web.auth.test();
const { ts } = await web.chat.postMessage({ channel: 'C1', text: 'over TLS' });
const heard = await waitFor(() => frames.find((frame) => frame.ts === ts));
await rtm.disconnect();
process.stdout.write(JSON.stringify({ user, heard: heard.text }));
