import { Alert, Button } from 'antd';
import { useTranslation } from 'react-i18next';
import { useViewer } from '../app/session.tsx';
import { ActionFailure, BandBreaks, RefusalNote } from '../parts/refusal.tsx';
import { draftText, type RuleDraft } from './rule-editor.tsx';
import type { useSaveRules } from './use-save-rules.ts';
import type { Target } from './use-target.ts';

const namedCount = 3;

/** Says what will change and for whom, and afterwards what came of it: saved, held by the control band, or refused. */
export function PriceSaveBar(props: {
  drafts: RuleDraft[];
  target: Target;
  saving: ReturnType<typeof useSaveRules>;
  save: () => void;
  discard: () => void;
}) {
  const { t } = useTranslation();
  const { currency } = useViewer();
  const { drafts, target, saving } = props;
  const { outcome } = saving;
  if (drafts.length === 0 && !outcome) return null;
  return (
    <section className="save-bar" aria-label={t('saveBar.title')}>
      {outcome && outcome.savedCount > 0 && (
        <Alert
          type={outcome.clamps.length > 0 ? 'warning' : 'success'}
          role="status"
          closable={{ onClose: saving.forget }}
          title={
            outcome.clamps.length > 0
              ? t('saveBar.savedClamped', { count: outcome.savedCount, clamped: outcome.clamps.length })
              : t('saveBar.saved', { count: outcome.savedCount })
          }
          description={outcome.clamps.length > 0 && <BandBreaks breaks={outcome.clamps} />}
        />
      )}
      {outcome?.refused.map(({ name, refusal }) => (
        <div key={name}>
          <p className="save-bar-name">{name}</p>
          <RefusalNote refusal={refusal} />
        </div>
      ))}
      {outcome?.failed && <ActionFailure error={outcome.failed} />}
      {drafts.length > 0 && (
        <div className="save-bar-line">
          <p>
            <strong>{t('saveBar.will', { count: drafts.length, target: target.label })}</strong>
            <span className="soft">
              {drafts.slice(0, namedCount).map((draft) => (
                <span key={draft.skuId} className="save-bar-change">
                  {draft.name}: {draft.before ?? t('prices.noRule')} → {draftText(draft, currency, t)}
                </span>
              ))}
              {drafts.length > namedCount && t('refusal.andMore', { count: drafts.length - namedCount })}
            </span>
          </p>
          <span className="save-bar-actions">
            <Button onClick={props.discard} disabled={saving.busy}>
              {t('saveBar.discard')}
            </Button>
            <Button type="primary" loading={saving.busy} onClick={props.save}>
              {t('saveBar.save')}
            </Button>
          </span>
        </div>
      )}
    </section>
  );
}
