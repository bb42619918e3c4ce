import { useEffect, useEffectEvent, useRef, useState } from 'react';

const glowMs = 1_200;

/** Rows that have just come or changed, by key, and how to let more of them glow; each fades by itself. */
export function useGlow(): [ReadonlySet<string>, (keys: readonly string[]) => void] {
  const [glowing, setGlowing] = useState<ReadonlySet<string>>(new Set());
  const [glow] = useState(() => (keys: readonly string[]) => {
    if (keys.length === 0) return;
    setGlowing((before) => new Set([...before, ...keys]));
    setTimeout(() => setGlowing((before) => new Set([...before].filter((key) => !keys.includes(key)))), glowMs);
  });
  return [glowing, glow];
}

/** Lets rows glow whose `text` is another than when they were last drawn. */
export function useGlowOnChange<Row>(
  rows: readonly Row[],
  { rowKey, text }: { rowKey: (row: Row) => string; text: (row: Row) => string },
  glow: (keys: readonly string[]) => void,
) {
  const texts = useRef(new Map<string, string>());
  const changes = JSON.stringify(rows.map(text));
  const note = useEffectEvent(() => {
    const before = texts.current;
    texts.current = new Map(rows.map((row) => [rowKey(row), text(row)]));
    glow(rows.filter((row) => before.has(rowKey(row)) && before.get(rowKey(row)) !== text(row)).map(rowKey));
  });
  useEffect(() => note(), [changes]);
}
