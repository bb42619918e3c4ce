import { Drawer } from 'antd';
import { Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { NavLink, Outlet, useLocation } from 'react-router';
import { useViewer } from '../app/session.tsx';
import { Icon } from '../parts/icon.tsx';
import { RowsSkeleton } from '../parts/states.tsx';
import { usePhone } from '../parts/use-media.ts';
import { FindDialog } from './find-dialog.tsx';
import { type Place, placesOf } from './places.ts';
import { TopBar } from './top-bar.tsx';

const narrowKey = 'fenzhan.nav';

/** The console's frame: navigation at the left or, on a phone, at the thumb; the top bar; the page. */
export function Frame() {
  const { t } = useTranslation();
  const phone = usePhone();
  const [narrow, setNarrow] = useState(() => localStorage.getItem(narrowKey) === 'narrow');
  const [finding, setFinding] = useState(false);
  useFindKey(() => setFinding(true));

  const toggle = () => {
    localStorage.setItem(narrowKey, narrow ? 'wide' : 'narrow');
    setNarrow(!narrow);
  };
  return (
    <div className={`frame ${phone ? 'phone' : ''} ${narrow ? 'narrow' : ''}`}>
      <a className="skip" href="#content">
        {t('frame.skip')}
      </a>
      {!phone && <SideNav narrow={narrow} toggle={toggle} />}
      <TopBar phone={phone} find={() => setFinding(true)} />
      <main id="content" tabIndex={-1}>
        <Suspense fallback={<RowsSkeleton />}>
          <Outlet />
        </Suspense>
      </main>
      {phone && <BottomBar />}
      {finding && <FindDialog close={() => setFinding(false)} />}
    </div>
  );
}

function SideNav({ narrow, toggle }: { narrow: boolean; toggle: () => void }) {
  const { t } = useTranslation();
  const groups = placesOf(useViewer());
  return (
    <nav className="side" aria-label={t('frame.nav')}>
      <div className="brand">
        <img src="/icon.svg" alt="" width={26} height={26} />
        {!narrow && <span>Fenzhan</span>}
      </div>
      {groups.map((group) => (
        <div className="side-group" key={group.key}>
          {!narrow && <p className="side-title">{t(`place.group.${group.key}`)}</p>}
          {group.places.map((place) => (
            <PlaceLink key={place.to} place={place} narrow={narrow} />
          ))}
        </div>
      ))}
      <button type="button" className="side-toggle" onClick={toggle} aria-label={narrow ? t('frame.widen') : t('frame.narrow')}>
        <Icon name="panel" />
        {!narrow && <span>{t('frame.narrow')}</span>}
      </button>
    </nav>
  );
}

function PlaceLink({ place, narrow }: { place: Place; narrow: boolean }) {
  const { t } = useTranslation();
  const name = t(`place.${place.key}`);
  return (
    <NavLink to={place.to} end={place.to === '/'} className="side-link" {...(narrow ? { title: name, 'aria-label': name } : {})}>
      <Icon name={place.icon} />
      {!narrow && <span>{name}</span>}
    </NavLink>
  );
}

function BottomBar() {
  const { t } = useTranslation();
  const places = placesOf(useViewer()).flatMap((group) => group.places);
  const { pathname } = useLocation();
  // Open at one address: going somewhere closes the sheet by itself.
  const [openAt, setOpenAt] = useState<string | null>(null);
  const open = openAt === pathname;
  const fixed = phonePlaces(places);
  const rest = places.filter((place) => !fixed.includes(place));
  return (
    <nav className="bottom" aria-label={t('frame.nav')}>
      {fixed.map((place) => (
        <NavLink key={place.to} to={place.to} end={place.to === '/'} className="bottom-link">
          <Icon name={place.icon} size={22} />
          <span>{t(`place.short.${place.key}`)}</span>
        </NavLink>
      ))}
      {rest.length > 0 && (
        <button type="button" className="bottom-link" aria-expanded={open} onClick={() => setOpenAt(pathname)}>
          <Icon name="more" size={22} />
          <span>{t('frame.more')}</span>
        </button>
      )}
      <Drawer
        open={open}
        onClose={() => setOpenAt(null)}
        placement="bottom"
        title={t('frame.more')}
        size={Math.min(120 + rest.length * 52, 480)}
      >
        {rest.map((place) => (
          <NavLink key={place.to} to={place.to} className="sheet-link">
            <Icon name={place.icon} size={20} />
            {t(`place.${place.key}`)}
          </NavLink>
        ))}
      </Drawer>
    </nav>
  );
}

/** The four places that a thumb needs most: the home, the orders, and what follows the person's day. */
function phonePlaces(places: Place[]): Place[] {
  const wanted: Place['key'][] = ['home', 'buy', 'orders', 'downline', 'prices', 'wallet', 'attempts', 'documents', 'payables', 'apiKeys'];
  return places.filter((place) => wanted.includes(place.key)).slice(0, 4);
}

function useFindKey(open: () => void) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      open();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [open]);
}
