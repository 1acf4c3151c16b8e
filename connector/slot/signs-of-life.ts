/** When a socket last showed that its peer is there (monotonic); -Infinity for never. */
export interface SignsOfLife {
  /** With anything that counts as one (`KeepAlive`). */
  heardAtMs: number;
  /** With the answer to a websocket ping of ours. */
  answeredAtMs: number;
}

/** Of a socket that is gone. */
export const NO_SIGN: Readonly<SignsOfLife> = {
  heardAtMs: Number.NEGATIVE_INFINITY,
  answeredAtMs: Number.NEGATIVE_INFINITY,
};
