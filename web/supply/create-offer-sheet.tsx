import { Input, Radio, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useQuery } from 'urql';
import { unmask } from '../gql/fragment-masking.ts';
import { AccountChoiceFragmentDoc, CreateSupplyOfferDocument, type LotTerms, SupplyAccountsDocument } from '../gql/graphql.ts';
import { AmountInput, isAmount } from '../parts/amount-input.tsx';
import { Field } from '../parts/field.tsx';
import { SkuSelect } from '../parts/goods-select.tsx';
import { Sheet, SheetAction } from '../parts/sheet.tsx';
import { useAction } from '../parts/use-action.tsx';

/** Making an offer: which SKU, through which account, the goods in the upstream's words, and what they cost. */
export function CreateOfferSheet({ close, done }: { close: () => void; done: () => void }) {
  const { t } = useTranslation('supply');
  const [{ data }] = useQuery({ query: SupplyAccountsDocument, requestPolicy: 'cache-and-network' });
  const [skuId, setSkuId] = useState<string | null>(null);
  const [accountId, setAccountId] = useState<string | null>(null);
  const [terms, setTerms] = useState<LotTerms>('CONSIGNMENT');
  const [goods, setGoods] = useState<Record<string, string>>({});
  const [cost, setCost] = useState('');
  const create = useAction(CreateSupplyOfferDocument, (answer) => answer.createSupplyOffer, 'SupplyOfferCreated');
  const accounts = unmask(AccountChoiceFragmentDoc, data?.supplyAccounts.edges.map(({ node }) => node) ?? []);
  const account = accounts.find(({ id }) => id === accountId);
  const fields = data?.supplyKinds.find(({ kind }) => kind === account?.kind)?.goodsFields ?? [];
  const isAsked = account !== undefined && account.kind !== 'MANUAL' && cost === '';
  const ready =
    skuId !== null &&
    account !== undefined &&
    (isAsked || isAmount(cost, 4)) &&
    fields.every((field) => !field.isRequired || goods[field.name]?.trim());
  const submit = async () => {
    if (!skuId || !accountId) return;
    const input = {
      skuId,
      supplyAccountId: accountId,
      terms,
      goods: fields.flatMap(({ name }) => (goods[name]?.trim() ? [{ name, value: goods[name].trim() }] : [])),
      cost: { unitCost: cost || null },
    };
    if (!(await create.run({ input }))) return;
    done();
    close();
  };
  return (
    <Sheet
      title={t('offers.create')}
      close={close}
      width={560}
      footer={
        <SheetAction disabled={!ready} busy={create.busy} run={submit}>
          {t('offers.create')}
        </SheetAction>
      }
    >
      <Field label={t('catalogue.name')}>{(id) => <SkuSelect id={id} value={skuId} onChange={setSkuId} />}</Field>
      <Field label={t('attempts.account')} help={t('offers.accountHelp')}>
        {(id) => (
          <Select
            id={id}
            className="full"
            value={accountId ?? undefined}
            onChange={setAccountId}
            options={accounts.map((one) => ({
              value: one.id,
              label: `${one.supplier?.name ?? ''} · ${one.name} · ${t(`connector.${one.kind}`)}`,
            }))}
          />
        )}
      </Field>
      {fields.map((field) => (
        <Field key={field.name} label={field.isRequired ? field.name : `${field.name} ${t('offers.optional')}`}>
          {(id) => (
            <Input
              id={id}
              maxLength={field.maxLength}
              value={goods[field.name] ?? ''}
              onChange={(event) => setGoods((before) => ({ ...before, [field.name]: event.target.value }))}
            />
          )}
        </Field>
      ))}
      <div className="field">
        <span className="field-label">{t('stock.terms')}</span>
        <Radio.Group aria-label={t('stock.terms')} value={terms} onChange={(event) => setTerms(event.target.value)}>
          <Radio value="CONSIGNMENT">{t('lotTerms.CONSIGNMENT')}</Radio>
          <Radio value="OWN">{t('lotTerms.OWN')}</Radio>
        </Radio.Group>
      </div>
      <Field label={t('offers.cost')} help={t('offers.costAsked')}>
        {(id) => (
          <AmountInput id={id} value={cost} onChange={setCost} {...(account ? { currency: account.currency } : {})} decimals={4} optional />
        )}
      </Field>
      {create.note}
    </Sheet>
  );
}
