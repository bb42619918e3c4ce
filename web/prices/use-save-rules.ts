import { useState } from 'react';
import { type CombinedError, useMutation } from 'urql';
import type { FragmentType } from '../gql/fragment-masking.ts';
import { type BandBreakPartsFragmentDoc, RemoveMarkupRuleDocument, SetMarkupRuleDocument } from '../gql/graphql.ts';
import type { Refusal } from '../parts/refusal.tsx';
import type { RuleDraft } from './rule-editor.tsx';
import type { Target } from './use-target.ts';

/** What saving a set of drafts came to. */
export type SavedRules = {
  savedCount: number;
  refused: { name: string; refusal: Refusal }[];
  failed: CombinedError | null;
  clamps: readonly FragmentType<typeof BandBreakPartsFragmentDoc>[];
};

/** Saves drafts one after the other: each is a rule of its own, and one that is refused harms none of its neighbours. */
export function useSaveRules(target: Target, refresh: () => void) {
  const [, setRule] = useMutation(SetMarkupRuleDocument);
  const [, removeRule] = useMutation(RemoveMarkupRuleDocument);
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<SavedRules | null>(null);

  const write = async (
    draft: RuleDraft,
  ): Promise<{ clamps: SavedRules['clamps'] } | { refusal: Refusal } | { error: CombinedError | undefined }> => {
    if (draft.value === null && draft.ownRule) {
      const { data, error } = await removeRule({ input: { ruleId: draft.ownRule.id, expectedVersion: draft.ownRule.version } });
      if (!data) return { error };
      return data.removeMarkupRule.__typename === 'MarkupRuleRemoved' ? { clamps: [] } : { refusal: data.removeMarkupRule };
    }
    const { data, error } = await setRule({
      input: {
        childId: target.childId,
        levelId: target.levelId,
        skuId: draft.skuId,
        kind: draft.kind,
        value: draft.value ?? '0',
        expectedVersion: draft.ownRule?.version ?? null,
      },
    });
    if (!data) return { error };
    return data.setMarkupRule.__typename === 'MarkupRuleSet' ? { clamps: data.setMarkupRule.clamps } : { refusal: data.setMarkupRule };
  };

  /** Saves, and gives back the SKUs whose draft is still unsaved. */
  const save = async (drafts: RuleDraft[]): Promise<ReadonlySet<string>> => {
    setBusy(true);
    const result: SavedRules = { savedCount: 0, refused: [], failed: null, clamps: [] };
    const unsaved = new Set<string>();
    for (const draft of drafts) {
      const answer = await write(draft);
      if ('clamps' in answer) {
        result.savedCount += 1;
        result.clamps = [...result.clamps, ...answer.clamps];
        continue;
      }
      unsaved.add(draft.skuId);
      if ('refusal' in answer) result.refused.push({ name: draft.name, refusal: answer.refusal });
      else result.failed = answer.error ?? null;
    }
    setBusy(false);
    setOutcome(result);
    if (result.savedCount > 0) refresh();
    return unsaved;
  };
  return { busy, outcome, save, forget: () => setOutcome(null) };
}
