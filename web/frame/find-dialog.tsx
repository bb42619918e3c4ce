import { Modal } from 'antd';
import { type KeyboardEvent, useDeferredValue, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useQuery } from 'urql';
import { useViewer } from '../app/session.tsx';
import { FindDocument } from '../gql/graphql.ts';
import type { Amount } from '../parts/amounts.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import { Money } from '../parts/money.tsx';
import { placesOf } from './places.ts';

type Hit = { id: string; to: string; icon: IconName; title: string; note: string; price?: Amount | null };

/** Search over places and goods (⌘K): type, arrow, enter. */
export function FindDialog({ close }: { close: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal open onCancel={close} footer={null} title={t('find.title')} closable={false} width={560} style={{ top: 88 }} className="find">
      <FindBox close={close} />
    </Modal>
  );
}

function FindBox({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const listId = useId();
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const hits = useHits(text.trim());
  const current = hits[Math.min(chosen, hits.length - 1)];
  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    close();
    void navigate(hit.to);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setChosen((n) => Math.min(n + 1, hits.length - 1));
    else if (event.key === 'ArrowUp') setChosen((n) => Math.max(n - 1, 0));
    else if (event.key === 'Enter') go(current);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div className="find-field">
        <Icon name="search" />
        <input
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={current ? `${listId}-${current.id}` : undefined}
          aria-label={t('find.title')}
          placeholder={t('find.hint')}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setChosen(0);
          }}
          onKeyDown={onKey}
        />
      </div>
      <div className="find-hits" role="listbox" id={listId} aria-label={t('find.title')}>
        {hits.map((hit) => (
          <div
            key={hit.id}
            id={`${listId}-${hit.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={hit === current}
            className="find-hit"
            onClick={() => go(hit)}
          >
            <Icon name={hit.icon} />
            <span className="find-title">{hit.title}</span>
            <span className="find-note">{hit.note}</span>
            {hit.price && <Money value={hit.price} />}
          </div>
        ))}
        {hits.length === 0 && <p className="find-none">{t('find.none')}</p>}
      </div>
    </>
  );
}

function useHits(text: string): Hit[] {
  const { t } = useTranslation();
  const viewer = useViewer();
  const search = useDeferredValue(text);
  const pause = search.length < 1 || !viewer.may('CATALOGUE_READ');
  const [{ data }] = useQuery({ query: FindDocument, variables: { search }, pause });
  const shop = viewer.party?.kind === 'RESELLER' ? '/' : viewer.party?.kind === 'HEADQUARTERS' ? '/prices' : '/catalogue';
  const places = placesOf(viewer)
    .flatMap((group) => group.places)
    .map<Hit>((place) => ({ id: place.key, to: place.to, icon: place.icon, title: t(`place.${place.key}`), note: t('find.place') }))
    .filter((hit) => hit.title.toLowerCase().includes(text.toLowerCase()));
  const goods = (pause ? [] : (data?.catalogue.edges ?? [])).map<Hit>(({ node }) => ({
    id: node.code,
    to: `${shop}?q=${encodeURIComponent(node.code)}`,
    icon: 'tag',
    title: `${node.product.name} ${node.name}`,
    note: node.code,
    price: node.offer.unitPrice ?? null,
  }));
  return [...places, ...goods];
}
