/** What Slack's hello said of how many sockets an app has. */
export interface SlackCount {
  /** Of the app, this one included. */
  sockets: number;
  /** The socket that it replaces was among them. */
  handover: boolean;
  /** It was opened for nothing but to hear Slack count. */
  looked: boolean;
}

/** Slack counts more sockets of the app than Relax knows. */
export interface UnknownSockets {
  slack: number;
  known: number;
  /** Nobody is told before: the sockets may be those of other slots that are being replaced. */
  isCertain: boolean;
  /** When to hear Slack count again. */
  lookAtMs: number;
}
