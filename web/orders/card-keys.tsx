import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMutation } from 'urql';
import { RevealCardKeysDocument } from '../gql/graphql.ts';
import { CopyButton } from '../parts/copy.tsx';
import type { Refusal } from '../parts/refusal.tsx';

/** A card key in plain text; lives only in the component that shows it. */
export type PlainKey = { id: string; number?: string | null; secret: string };

/** Reveals an order's keys. They are kept in this component's memory and gone when it closes. */
export function useReveal(orderId: string) {
  const [{ fetching, error }, reveal] = useMutation(RevealCardKeysDocument);
  const [keys, setKeys] = useState<readonly PlainKey[] | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const show = async () => {
    setRefusal(null);
    const answer = (await reveal({ input: { orderIds: [orderId] } })).data?.revealCardKeys;
    if (!answer) return;
    if (answer.__typename === 'CardKeysRevealed') setKeys(answer.orders[0]?.cardKeys ?? []);
    else setRefusal(answer);
  };
  return { keys, refusal, error, busy: fetching, show: () => void show(), hide: () => setKeys(null) };
}

/** Card keys as text, one per line: the number and the secret with a tab between. */
export function keysText(keys: readonly PlainKey[]): string {
  return keys.map((key) => (key.number ? `${key.number}\t${key.secret}` : key.secret)).join('\n');
}

/** Keys in plain text, each to be copied, or all at once. */
export function RevealedKeys({ keys }: { keys: readonly PlainKey[] }) {
  const { t } = useTranslation();
  return (
    <section className="keys" aria-label={t('keys.title')}>
      <div className="keys-head">
        <span>{t('keys.count', { count: keys.length })}</span>
        <CopyButton text={keysText(keys)} label={t('keys.copyAll')} primary />
      </div>
      <ol className="keys-list">
        {keys.map((key) => (
          <li key={key.id}>
            <span className="keys-words">
              {key.number && <span className="keys-number">{key.number}</span>}
              <code>{key.secret}</code>
            </span>
            <CopyButton text={key.number ? `${key.number}\t${key.secret}` : key.secret} label={t('keys.copy')} compact />
          </li>
        ))}
      </ol>
    </section>
  );
}
