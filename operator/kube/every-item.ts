import type { CallOptions, KubeClient } from './client.ts';
import type { KubeObject, ResourceScope } from './object.ts';
import type { ListQuery } from './requests.ts';

/** Every object that the server has in these scopes, page by page; what changes meanwhile may or may not be in it. */
export async function* everyItem<T extends KubeObject>(
  client: Pick<KubeClient, 'listPage'>,
  scopes: readonly ResourceScope[],
  query: Omit<ListQuery, 'limit' | 'continueToken'>,
  options: CallOptions,
): AsyncGenerator<T, void, void> {
  for (const scope of scopes) {
    let continueToken = '';
    do {
      const page = await client.listPage<T>(scope, { ...query, limit: 500, continueToken }, options);
      yield* page.items ?? [];
      continueToken = page.metadata.continue ?? '';
    } while (continueToken !== '');
  }
}
