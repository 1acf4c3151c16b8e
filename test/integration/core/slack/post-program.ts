import { httpPost } from '#core/slack/http-post.ts';

/** `post-program.ts URL`: posts by what this process trusts, and prints the result as one line of JSON. */
const result = await httpPost({
  url: new URL(process.argv[2] ?? ''),
  headers: {},
  body: 'text=hello',
  timeoutMs: 1_000,
  maxBytes: 1_000,
  signal: new AbortController().signal,
});
process.stdout.write(`${JSON.stringify(result)}\n`);
