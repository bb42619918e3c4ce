import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { type ListingPolicy, policyProblem } from '#server/listings/rules.ts';
import { type PolicyRow, selectPolicy, writePolicy } from '#server/listings/sql.ts';
import type { InvalidInput, NotAllowed } from '#server/network/rules.ts';
import { selectStations } from '#server/network/sql.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';

/** What the network asks of every listing from now on; `expectedVersion` 0: nothing was ever set. */
export type SetListingPolicyInput = ListingPolicy & { readonly expectedVersion: number };

/** What can become of it. */
export type SetListingPolicyOutcome =
  | { readonly kind: 'LISTING_POLICY_SET'; readonly policy: PolicyRow }
  | { readonly kind: 'STALE_VERSION'; readonly current: PolicyRow }
  | NotAllowed
  | InvalidInput;

/** Sets what headquarters asks of every listing of its network. What is for sale stays; the next check asks the new. */
export async function setListingPolicy(db: Database, viewer: Viewer, input: SetListingPolicyInput): Promise<SetListingPolicyOutcome> {
  const stationId = actingStationWith(viewer, 'LISTINGS_REVIEW');
  const { networkId } = viewer;
  const words = (list: readonly string[]) => [...new Set(list.map((word) => word.trim()))];
  const policy = { ...input, bannedWords: words(input.bannedWords), requiredAttributes: words(input.requiredAttributes) };
  const wrong = policyProblem(policy);
  if (wrong) return { kind: 'INVALID_INPUT', field: wrong.field, message: wrong.message };
  return inTransaction(db, async (tx): Promise<SetListingPolicyOutcome> => {
    const station = (await selectStations(tx, networkId, [stationId])).get(stationId);
    if (station?.parentId !== null) return { kind: 'NOT_ALLOWED', message: 'Headquarters sets what its network asks of listings.' };
    const author = { actorId: actorId(viewer), expectedVersion: input.expectedVersion };
    const isWritten = await writePolicy(tx, networkId, policy, author);
    const current = await selectPolicy(tx, networkId);
    if (!isWritten) return { kind: 'STALE_VERSION', current };
    const { marginMinBps, selfReview } = policy;
    const data = { wordCount: policy.bannedWords.length, requiredAttributes: policy.requiredAttributes, marginMinBps, selfReview };
    await writeAudit(tx, viewer, { action: 'listing_policy.set', subjectId: networkId, data });
    return { kind: 'LISTING_POLICY_SET', policy: current };
  });
}
