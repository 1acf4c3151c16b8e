/** Whether Slack named a websocket to dial. @param allowPlainText whether `ws://` will do: only when the API is plain, too */
export function isSocketUrl(url: string, allowPlainText: boolean): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol } = new URL(url);
  return protocol === 'wss:' || (protocol === 'ws:' && allowPlainText);
}
