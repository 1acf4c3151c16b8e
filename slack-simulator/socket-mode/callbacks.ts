/** An answer that an application sent to a response URL. `id`: of the command or interaction that it is about. */
export type AppResponse = { id: string; appID: string; atMs: number; body: unknown };

/** What a command or an interaction allows its application to do later. Either may be missing. */
export type Callback = {
  id: string;
  appID: string;
  responseURL: string | undefined;
  triggerID: string | undefined;
};

/** A response URL takes five answers within half an hour (docs.slack.dev/interactivity/handling-user-interaction). */
const mostResponses = 5;
const responsesForMs = 30 * 60_000;
/** A trigger id opens one modal within three seconds (docs.slack.dev/interactivity/handling-user-interaction). */
const triggerForMs = 3_000;

type Known = Callback & { atMs: number; responses: number; isExchanged: boolean };

/** What applications do with the response URLs and trigger ids that they were given. */
export class CallbackBook {
  readonly #byPath = new Map<string, Known>();
  readonly #byTrigger = new Map<string, Known>();
  #responses: AppResponse[] = [];

  add(callback: Callback, nowMs: number): void {
    const known = { ...callback, atMs: nowMs, responses: 0, isExchanged: false };
    if (callback.responseURL !== undefined) this.#byPath.set(new URL(callback.responseURL).pathname, known);
    if (callback.triggerID !== undefined) this.#byTrigger.set(callback.triggerID, known);
  }

  /** Takes an answer at the path of a response URL. Undefined if there is no such path. */
  respond(path: string, body: unknown, nowMs: number): 'ok' | 'used_url' | 'expired_url' | undefined {
    const known = this.#byPath.get(path);
    if (known === undefined) return undefined;
    if (nowMs >= known.atMs + responsesForMs) return 'expired_url';
    if (known.responses >= mostResponses) return 'used_url';
    known.responses += 1;
    this.#responses.push({ id: known.id, appID: known.appID, atMs: nowMs, body });
    return 'ok';
  }

  /** Uses a trigger id up. Undefined if it was good, or else Slack's error. */
  exchange(appID: string, triggerID: string, nowMs: number): string | undefined {
    const known = this.#byTrigger.get(triggerID);
    if (known?.appID !== appID) return 'invalid_trigger_id';
    if (known.isExchanged) return 'exchanged_trigger_id';
    if (nowMs >= known.atMs + triggerForMs) return 'expired_trigger_id';
    known.isExchanged = true;
    return undefined;
  }

  responses(): readonly AppResponse[] {
    return this.#responses;
  }

  /** Empties the list of answers; the URLs and ids that were given stay good. */
  forget(): void {
    this.#responses = [];
  }
}
