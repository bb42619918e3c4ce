import { useEffect, useEffectEvent, useState } from 'react';
import { whenAtTop } from './at-top.ts';
import { useGlow, useGlowOnChange } from './use-glow.ts';

/** The rows of a list that is read again while one looks at it. */
export type LiveRows<Row> = {
  rows: readonly Row[];
  glowing: ReadonlySet<string>;
  waitingCount: number;
  showWaiting: () => void;
};

type Shown = { list: string; keys: ReadonlySet<string> };

/**
 * Lets rows that are new at the head of a list in while the reader is at its top; otherwise they wait behind a pill, so that nothing
 * jumps under the eye. Rows that came, and rows whose `text` has changed, glow. `list` names what is shown: another one begins anew.
 */
export function useLiveRows<Row>(
  rows: readonly Row[],
  { list, rowKey, text }: { list: string; rowKey: (row: Row) => string; text: (row: Row) => string },
): LiveRows<Row> {
  const [shown, setShown] = useState<Shown | null>(null);
  const [glowing, glow] = useGlow();
  const known = shown?.list === list ? shown.keys : null;
  if (known === null && rows.length > 0) setShown({ list, keys: keysOf(rows, rowKey) });
  const headCount =
    known === null
      ? 0
      : Math.max(
          0,
          rows.findIndex((row) => known.has(rowKey(row))),
        );

  const letIn = () => {
    glow(rows.slice(0, headCount).map(rowKey));
    setShown({ list, keys: keysOf(rows, rowKey) });
  };
  const letInAtTop = useEffectEvent(letIn);
  useEffect(() => {
    if (headCount > 0) return whenAtTop(() => letInAtTop());
  }, [headCount]);
  useGlowOnChange(rows, { rowKey, text }, glow);

  return {
    rows: rows.slice(headCount),
    glowing,
    waitingCount: headCount,
    showWaiting: () => {
      letIn();
      window.scrollTo({ top: 0 });
    },
  };
}

function keysOf<Row>(rows: readonly Row[], rowKey: (row: Row) => string): ReadonlySet<string> {
  return new Set(rows.map(rowKey));
}
