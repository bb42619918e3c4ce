import { App } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { unmask } from '../gql/fragment-masking.ts';
import { type LotDetailsFragment, LotRowFragmentDoc, QuarantineLotDocument, ReleaseLotDocument, VoidLotDocument } from '../gql/graphql.ts';
import { ReasonField } from '../parts/reason-field.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

/** What may be done to a whole lot. */
export type LotMove = 'quarantine' | 'release' | 'void';

type Props = { move: LotMove; lot: LotDetailsFragment; close: () => void; changed: () => void };

/** Putting a whole lot aside, back, or away for good: says what happens before it does, and asks why. */
export function LotMoveSheet({ move, lot, close, changed }: Props) {
  const { t } = useTranslation('supply');
  const { message } = App.useApp();
  const { id: lotId } = unmask(LotRowFragmentDoc, lot);
  const [reason, setReason] = useState('');
  const quarantine = useAction(QuarantineLotDocument, (data) => data.quarantineLot, 'LotQuarantined');
  const release = useAction(ReleaseLotDocument, (data) => data.releaseLot, 'LotReleased');
  const withdraw = useAction(VoidLotDocument, (data) => data.voidLot, 'LotVoided');
  const action = { quarantine, release, void: withdraw }[move];
  const submit = async () => {
    const answer = await action.run({ input: { lotId, reason: reason.trim() } });
    if (!answer) return;
    void message.success(t('lot.moved', { count: answer.movedCount }));
    changed();
    close();
  };
  return (
    <Sheet
      title={t(`lot.${move}Title`)}
      close={close}
      footer={
        <SheetAction danger={move !== 'release'} disabled={reason.trim() === ''} busy={action.busy} run={submit}>
          {t(`lot.${move}`)}
        </SheetAction>
      }
    >
      <p>{move === 'quarantine' ? t('lot.quarantineHelp', { count: lot.counts.available }) : t(`lot.${move}Help`)}</p>
      <ReasonField value={reason} onChange={setReason} />
      {action.note}
    </Sheet>
  );
}
