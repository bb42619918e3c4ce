import { lazy } from 'react';
import { withSupplyWords } from '../app/language.ts';
import { useViewer } from '../app/session.tsx';

const Headquarters = lazy(async () => ({ default: (await import('../headquarters/headquarters-home.tsx')).HeadquartersHome }));
const Owner = lazy(async () => ({ default: (await import('./owner-home.tsx')).OwnerHome }));
const Supplier = lazy(async () => ({ default: (await withSupplyWords(import('../supplier/supplier-home.tsx'))).SupplierHome }));
const Buyer = lazy(async () => ({ default: (await import('../catalogue/catalogue-page.tsx')).CataloguePage }));

/** The home of the party that one acts for. */
export function HomePage() {
  const { party, may } = useViewer();
  switch (party?.kind) {
    case 'HEADQUARTERS':
      return may('ANALYTICS_READ') ? <Headquarters /> : <Buyer />;
    case 'SUBSTATION':
      return may('ANALYTICS_READ') ? <Owner /> : <Buyer />;
    case 'RESELLER':
      return <Buyer />;
    default:
      return <Supplier />;
  }
}
