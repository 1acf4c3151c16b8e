/** Whether Slack takes a token. Plain state that its holder changes. */
export type TokenState = {
  /** Slack's error, from now on. */
  refusal: string | undefined;
  /** Of a rotating token. */
  expiresAtMs: number | undefined;
};

export const validToken = (): TokenState => ({ refusal: undefined, expiresAtMs: undefined });

/** What Slack says to a call with it; undefined if it is good. */
export function refusalOf({ refusal, expiresAtMs }: TokenState, nowMs: number): string | undefined {
  return refusal ?? (expiresAtMs !== undefined && nowMs >= expiresAtMs ? 'token_expired' : undefined);
}
