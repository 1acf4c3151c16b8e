import { waitFor } from '#test/support/wait.ts';
import { startRtm, webClient } from './official-clients.ts';
import { socketModeClient } from './socket-mode/official-socket-mode.ts';

/** Run by official-clients-tls.test.ts as a process of its own: Slack's clients, nothing about TLS said. */
const [, , url = '', token = '', appToken = ''] = process.argv;
const { rtm, frames } = await startRtm(url, token);
const app = socketModeClient(url, appToken);
await app.client.start();
const web = webClient(url, token);
const { user_id: user } = await web.auth.test();
const { ts } = await web.chat.postMessage({ channel: 'C1', text: 'over TLS' });
const heard = await waitFor(() => frames.find((frame) => frame.ts === ts));
await rtm.disconnect();
await app.client.disconnect();
process.stdout.write(JSON.stringify({ user, heard: heard.text, app: app.states[0] }));
