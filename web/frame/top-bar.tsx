import { Button, Dropdown, type MenuProps, Tooltip } from 'antd';
import { use } from 'react';
import { useTranslation } from 'react-i18next';
import { Inbox } from '../alerts/inbox.tsx';
import { type ConnectionState, useConnection } from '../app/connection.ts';
import type { Language } from '../app/language.ts';
import { LanguageContext } from '../app/language-context.ts';
import { useSession, useViewer } from '../app/session.tsx';
import { type ThemeChoice, useTheme } from '../app/theme.tsx';
import { Icon } from '../parts/icon.tsx';

/** The top bar: for whom one acts, search, how live the page is, language, theme and person. */
export function TopBar({ phone, find }: { phone: boolean; find: () => void }) {
  const { t } = useTranslation();
  return (
    <header className="top">
      <PartySwitcher />
      {phone ? (
        <Button type="text" className="top-icon" icon={<Icon name="search" />} aria-label={t('find.title')} onClick={find} />
      ) : (
        <button type="button" className="top-find" onClick={find}>
          <Icon name="search" size={16} />
          <span>{t('find.hint')}</span>
          <kbd>{navigator.platform.startsWith('Mac') ? '⌘K' : 'Ctrl K'}</kbd>
        </button>
      )}
      <span className="top-gap" />
      <Connection phone={phone} />
      <Inbox phone={phone} />
      {!phone && <LanguageMenu />}
      {!phone && <ThemeMenu />}
      <PersonMenu phone={phone} />
    </header>
  );
}

function PartySwitcher() {
  const { t } = useTranslation();
  const viewer = useViewer();
  const { actFor } = useSession();
  const party = viewer.party;
  if (!party) return null;
  const label = (
    <span className="party">
      <span className="party-name">{party.name}</span>
      <span className="party-kind">
        {t(`stationKind.${party.kind}`)}
        {party.role && ` · ${t(`role.${party.role}`)}`}
      </span>
    </span>
  );
  if (viewer.choices.length < 2) return <div className="top-party">{label}</div>;
  const items: MenuProps['items'] = viewer.choices.map((choice) => ({
    key: choice.id,
    label: (
      <span className="party">
        <span className="party-name">{choice.name}</span>
        <span className="party-kind">
          {t(`stationKind.${choice.kind}`)} · {choice.networkName}
        </span>
      </span>
    ),
  }));
  return (
    <Dropdown menu={{ items, selectable: true, selectedKeys: [party.id], onClick: ({ key }) => actFor(key) }} trigger={['click']}>
      <button type="button" className="top-party switch" aria-label={`${t('frame.switchParty')} ${party.name}`}>
        {label}
        <Icon name="down" size={14} />
      </button>
    </Dropdown>
  );
}

function Connection({ phone }: { phone: boolean }) {
  const { t } = useTranslation();
  const state = useConnection();
  const tones: Record<ConnectionState, string> = { live: 'good', catchingUp: 'busy', offline: 'bad' };
  return (
    <Tooltip title={t(`connection.${state}Help`)}>
      <span className={`status connection ${tones[state]}`} role="status">
        <i aria-hidden="true" />
        <span className={phone && state === 'live' ? 'sr-only' : ''}>{t(`connection.${state}`)}</span>
      </span>
    </Tooltip>
  );
}

function LanguageMenu() {
  const { t, i18n } = useTranslation();
  const choose = use(LanguageContext);
  return (
    <Dropdown
      menu={{ items: languageItems, selectable: true, selectedKeys: [i18n.language], onClick: ({ key }) => choose(key as Language) }}
      trigger={['click']}
    >
      <Button type="text" className="top-icon" icon={<Icon name="language" />} aria-label={t('frame.language')} />
    </Dropdown>
  );
}

function ThemeMenu() {
  const { t } = useTranslation();
  const { choice, dark, choose } = useTheme();
  const items: MenuProps['items'] = (['light', 'dark', 'system'] as const).map((key) => ({ key, label: t(`theme.${key}`) }));
  return (
    <Dropdown
      menu={{ items, selectable: true, selectedKeys: [choice], onClick: ({ key }) => choose(key as ThemeChoice) }}
      trigger={['click']}
    >
      <Button type="text" className="top-icon" icon={<Icon name={dark ? 'moon' : 'sun'} />} aria-label={t('frame.theme')} />
    </Dropdown>
  );
}

function PersonMenu({ phone }: { phone: boolean }) {
  const { t, i18n } = useTranslation();
  const viewer = useViewer();
  const { signOut } = useSession();
  const chooseTheme = useTheme().choose;
  const chooseLanguage = use(LanguageContext);
  const settings: MenuProps['items'] = phone
    ? [
        { type: 'group', label: t('frame.language'), children: languageItems },
        {
          type: 'group',
          label: t('frame.theme'),
          children: (['light', 'dark', 'system'] as const).map((key) => ({ key: `theme:${key}`, label: t(`theme.${key}`) })),
        },
        { type: 'divider' },
      ]
    : [];
  const items: MenuProps['items'] = [
    { type: 'group', label: viewer.email || viewer.name, children: [] },
    ...settings,
    { key: 'out', label: t('frame.signOut') },
    { key: 'everywhere', label: t('frame.signOutEverywhere') },
  ];
  const act = (key: string) => {
    if (key === 'out' || key === 'everywhere') void signOut(key === 'everywhere');
    else if (key.startsWith('theme:')) chooseTheme(key.slice(6) as ThemeChoice);
    else chooseLanguage(key as Language);
  };
  return (
    <Dropdown menu={{ items, onClick: ({ key }) => act(key), selectable: phone, selectedKeys: [i18n.language] }} trigger={['click']}>
      <button type="button" className="top-person" aria-label={`${t('frame.person')} ${viewer.name}`}>
        <span className="avatar" aria-hidden="true">
          {Array.from(viewer.name)[0] ?? '·'}
        </span>
        {!phone && <span className="person-name">{viewer.name}</span>}
      </button>
    </Dropdown>
  );
}

const languageItems = [
  { key: 'zh-CN', label: '简体中文' },
  { key: 'en', label: 'English' },
];
