import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../app/session.tsx';
import { Bone, Empty, Failure } from '../parts/states.tsx';
import { Frame } from './frame.tsx';

const SignInPage = lazy(async () => ({ default: (await import('../sign-in/sign-in-page.tsx')).SignInPage }));

/** What a person sees first: the sign-in, or the console as the party they act for. The address stays what it was. */
export function Gate() {
  const session = useSession();
  const { t } = useTranslation();
  switch (session.status) {
    case 'starting':
      return <Starting />;
    case 'unreachable':
      return <Failure error={session.error} retry={session.refresh} />;
    case 'signedOut':
      return (
        <Suspense fallback={<Starting />}>
          <SignInPage />
        </Suspense>
      );
    case 'signedIn':
      if (!session.viewer.party) return <Empty icon="person" title={t('gate.noParty')} help={t('gate.noPartyHelp')} />;
      // A change of party begins every page anew.
      return <Frame key={session.viewer.party.id} />;
  }
}

/** The shape of a page while it is not known which. */
export function Starting() {
  const { t } = useTranslation();
  return (
    <div className="starting" role="status" aria-label={t('loading')}>
      <Bone width={220} height={18} />
      <Bone width={420} height={28} />
      <Bone width="70%" height={180} />
    </div>
  );
}
