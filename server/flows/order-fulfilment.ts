import { inputFieldsOf } from '#server/listings/rules.ts';
import type { OfferCandidate, RoutingPolicy } from '#server/offers/rules.ts';
import { loadCandidates } from '#server/offers/sql.ts';
import type { Fulfilment, Part } from '#server/orders/rules.ts';
import { type ComponentRow, type OrderedSkuRow, selectComponents } from '#server/orders/sql.ts';
import type { Transaction } from '#server/platform/database.ts';

/** A bundle's component is sold with it while it is for sale itself, or approved and kept for bundles alone. */
const COMPONENT_STATES: readonly string[] = ['LIVE', 'APPROVED'];

/**
 * How those SKUs of a list are filled that do not simply lie on the shelf: the parts of bundles, and the offers of what is bought
 * (domain §6). A list of nothing but stock asks nothing; bundles and offers cost a round trip each.
 */
export async function loadFulfilments(
  tx: Transaction,
  networkId: string,
  rows: readonly OrderedSkuRow[],
  localDate: string,
): Promise<Map<string, Fulfilment>> {
  const special = rows.filter((row) => row.delivery_kind !== 'FROM_STOCK');
  if (special.length === 0) return new Map();
  const bundles = special.filter((row) => row.delivery_kind === 'BUNDLE');
  const components = bundles.length === 0 ? [] : await selectComponents(tx, networkId, bundles.map(idOf));
  const sourced = [...special, ...components].filter((row) => row.delivery_kind === 'SOURCED').map(idOf);
  const now = { instant: tx.now, localDate };
  const candidates = sourced.length === 0 ? new Map() : await loadCandidates(tx, networkId, [...new Set(sourced)], now);
  return new Map(
    special.map((row) => [row.id, row.delivery_kind === 'BUNDLE' ? bundleOf(row, components, candidates) : sourcedOf(row, candidates)]),
  );
}

type Candidates = ReadonlyMap<string, readonly OfferCandidate[]>;

function sourcedOf(row: OrderedSkuRow, candidates: Candidates): Fulfilment {
  const part = { ...partOf(row, candidates), unitsEach: 1, weight: 1 };
  return { parts: [part], inputFields: inputFieldsOf(row.input_fields), isBundle: false, isAvailable: true };
}

function bundleOf(bundle: OrderedSkuRow, components: readonly ComponentRow[], candidates: Candidates): Fulfilment {
  const own = components.filter((row) => row.bundle_id === bundle.id);
  const parts = own.map((row) => ({ ...partOf(row, candidates), unitsEach: row.quantity, weight: row.weight }));
  const fields = [bundle, ...own].flatMap((row) => inputFieldsOf(row.input_fields));
  return {
    parts,
    // two components may ask for the same account: it is typed once
    inputFields: [...new Map(fields.map((field) => [field.name, field])).values()],
    isBundle: true,
    isAvailable: parts.length > 0 && own.every((row) => COMPONENT_STATES.includes(row.listing_state) && row.delivery_kind !== 'BUNDLE'),
  };
}

type FilledRow = Pick<OrderedSkuRow, 'id' | 'delivery_kind' | 'goods_kind' | 'unit_size' | 'routing_policy'>;

function partOf(row: FilledRow, candidates: Candidates): Pick<Part, 'skuId' | 'goodsKind' | 'supply'> {
  const supply: Part['supply'] =
    row.delivery_kind === 'SOURCED'
      ? {
          kind: 'SUPPLIER',
          policy: row.routing_policy as RoutingPolicy,
          unitSize: row.unit_size,
          candidates: candidates.get(row.id) ?? [],
        }
      : { kind: 'STOCK' };
  return { skuId: row.id, goodsKind: row.goods_kind, supply };
}

function idOf({ id }: { readonly id: string }): string {
  return id;
}
