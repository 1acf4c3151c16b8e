import { decodeRoute, OTHER_TEAMS_FIELD, ROUTE_VERSION_FIELD, type Route } from '../../core/protocol/route.ts';
import type { KnownRoutes } from './route-table.ts';

/** One app's table as it was last read. */
export interface HeldRoutes {
  version: string;
  routes: KnownRoutes;
  /** Team -> the text that its route was decoded from, so that only changed entries are decoded again. */
  texts: ReadonlyMap<string, string>;
}

/**
 * One read of an app's table, page by page. An entry that can't be read leaves its team's route as it was, and makes a team that
 * had none `unreadable` (design rule 10).
 */
export class TableRead {
  readonly #version: string;
  readonly #before: HeldRoutes | undefined;
  readonly #routes = new Map<string, Route | 'unreadable'>();
  readonly #texts = new Map<string, string>();
  readonly #unreadable = new Set<string>();

  /** @param version which the table had when the read began */
  constructor(version: string, before: HeldRoutes | undefined) {
    this.#version = version;
    this.#before = before;
  }

  /** Teams whose entries can't be read. */
  get unreadable(): ReadonlySet<string> {
    return this.#unreadable;
  }

  /** @param page fields and values in turn, as HSCAN gives them; a field may come more than once */
  add(page: readonly string[]): void {
    for (let at = 0; at + 1 < page.length; at += 2) {
      const [team = '', text = ''] = page.slice(at, at + 2);
      if (team !== ROUTE_VERSION_FIELD) this.#addEntry(team, text);
    }
  }

  /**
   * @param version which the table has now  @param fields that it has now, the version among them
   * @returns undefined if the table has changed meanwhile, or pages of different servers were mixed in a failover
   */
  end(version: string | null, fields: number): HeldRoutes | undefined {
    if (version !== this.#version || fields !== this.#routes.size + 1) return undefined;
    return { version, routes: this.#routes, texts: this.#texts };
  }

  #addEntry(team: string, text: string): void {
    if (team === OTHER_TEAMS_FIELD) {
      this.#routes.set(team, 'unreadable');
      return;
    }
    const before = this.#before?.routes.get(team);
    const isSame = before !== undefined && this.#before?.texts.get(team) === text;
    const route = isSame ? before : decodeRoute(text);
    if (route === undefined) {
      this.#unreadable.add(team);
      this.#routes.set(team, before ?? 'unreadable');
      return;
    }
    this.#routes.set(team, route);
    this.#texts.set(team, text);
  }
}
