import { useTranslation } from 'react-i18next';
import type { JobState, OrderState, RefundState, StationStatus } from '../gql/graphql.ts';

/** How a state feels; the dot's colour. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'quiet';

/** A state: a dot and a word. */
export function Status({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={`status ${tone}`}>
      <i aria-hidden="true" />
      {children}
    </span>
  );
}

const orderTones: Record<OrderState, Tone> = {
  HELD: 'busy',
  REVIEW: 'warn',
  SOURCING: 'busy',
  DELIVERED: 'good',
  FAILED: 'bad',
  NEEDS_ATTENTION: 'warn',
  PARTLY_REFUNDED: 'warn',
  REFUNDED: 'quiet',
};

/** An order's state. */
export function OrderStatus({ state }: { state: OrderState }) {
  const { t } = useTranslation();
  return <Status tone={orderTones[state]}>{t(`orderState.${state}`)}</Status>;
}

/** A station's status; of a station that is not the viewer's to see there is none. */
export function StationStatusMark({ status }: { status: StationStatus | null }) {
  const { t } = useTranslation();
  if (!status) return <span className="soft">—</span>;
  return <Status tone={status === 'ACTIVE' ? 'good' : status === 'FROZEN' ? 'warn' : 'quiet'}>{t(`stationStatus.${status}`)}</Status>;
}

/** A job's state. */
export function JobStatus({ state }: { state: JobState }) {
  const { t } = useTranslation();
  const tones: Record<JobState, Tone> = {
    RECEIVING: 'busy',
    PENDING: 'busy',
    RUNNING: 'busy',
    DONE: 'good',
    FAILED: 'bad',
    CANCELLED: 'quiet',
  };
  return <Status tone={tones[state]}>{t(`jobState.${state}`)}</Status>;
}

/** A refund's state. */
export function RefundStatus({ state }: { state: RefundState }) {
  const { t } = useTranslation();
  const tones: Record<RefundState, Tone> = { REQUESTED: 'busy', DONE: 'good', DECLINED: 'quiet' };
  return <Status tone={tones[state]}>{t(`refundState.${state}`)}</Status>;
}
