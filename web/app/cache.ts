import { type CacheExchangeOpts, cacheExchange } from '@urql/exchange-graphcache';
import introspection from '../gql/introspection.json';

type Kind = { kind: string; name: string; fields?: { name: string }[] };

/**
 * The normalised cache. A type without an id lives inside its parent (Money, Wallet, an offer), which the schema itself
 * tells us; so a live event that carries a node updates every row that shows it.
 */
export function consoleCache() {
  const types = introspection.__schema.types as Kind[];
  const embedded = types.filter((type) => type.kind === 'OBJECT' && !type.fields?.some((field) => field.name === 'id'));
  const keys = Object.fromEntries(embedded.map((type) => [type.name, () => null]));
  return cacheExchange({ schema: introspection as unknown as CacheExchangeOpts['schema'] & object, keys });
}
