import { Button, InputNumber } from 'antd';
import { useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type CombinedError, useMutation, useQuery } from 'urql';
import { unmask } from '../gql/fragment-masking.ts';
import {
  OfferPartsFragmentDoc,
  PlaceOrderDocument,
  type PlaceOrderInput,
  type PlaceOrderMutation,
  QuoteDocument,
  type QuoteQuery,
  RefusalPartsFragmentDoc,
  type SkuRowFragment,
  TopUpFieldFragmentDoc,
} from '../gql/graphql.ts';
import { amountText } from '../parts/amounts.ts';
import { Money } from '../parts/money.tsx';
import { ActionFailure, RefusalNote } from '../parts/refusal.tsx';
import { newRequestKey } from '../parts/request-key.ts';
import { Sheet } from '../parts/sheet.tsx';
import { useSettled } from '../parts/use-settled.ts';
import { BoughtKeys } from './bought-keys.tsx';
import { SkuName } from './sku-name.tsx';
import { StockMark } from './stock-mark.tsx';
import { inputOf, isFilledIn, TopUpFields, type Typed } from './top-up-fields.tsx';

type Answer = PlaceOrderMutation['placeOrder'];
type Quote = Extract<QuoteQuery['quote'], { __typename: 'Quote' }>;

/** Buying one SKU: how many, what it costs and what is left then; afterwards the keys. */
export function BuyDialog({ sku, close }: { sku: SkuRowFragment; close: () => void }) {
  const { t } = useTranslation();
  const [quantity, setQuantity] = useState(sku.minQuantity);
  const [typed, setTyped] = useState<Typed>({});
  const purchase = usePurchase();
  const [quoting, requote] = useQuote(sku.id, quantity);
  const offer = unmask(OfferPartsFragmentDoc, sku.offer);
  const title = <SkuName product={sku.product.name} name={sku.name} faceValue={sku.faceValue} />;

  if (purchase.answer?.__typename === 'OrderPlaced')
    return (
      <Sheet title={title} close={close}>
        <BoughtKeys order={purchase.answer.order} close={close} />
      </Sheet>
    );

  const refusal = purchase.answer ?? (quoting.answer && quoting.answer.__typename !== 'Quote' ? quoting.answer : null);
  const quote = quoting.answer?.__typename === 'Quote' ? quoting.answer : null;
  const fields = (quote?.sku.inputFields ?? []).map((field) => unmask(TopUpFieldFragmentDoc, field));
  const send = (count: number, maxTotal: string) =>
    purchase.send({ skuId: sku.id, quantity: count, maxTotal, input: fields.length > 0 ? inputOf(fields, typed) : null });
  const buy = () => quote && send(quote.quantity, quote.total.amount);
  const again = () => {
    purchase.forget();
    requote();
  };
  const moved = purchase.answer ? unmask(RefusalPartsFragmentDoc, purchase.answer) : null;
  return (
    <Sheet
      title={title}
      close={close}
      footer={
        <Button
          type="primary"
          size="large"
          block
          loading={purchase.busy}
          disabled={!purchase.unanswered && (!quote || quoting.stale || Boolean(refusal) || !isFilledIn(fields, typed))}
          onClick={purchase.unanswered ? purchase.retry : buy}
        >
          {purchase.unanswered ? t('buy.retry') : quote ? t('buy.pay', { amount: amountText(quote.total) }) : t('buy.action')}
        </Button>
      }
    >
      <QuantityField
        sku={sku}
        value={quantity}
        disabled={purchase.busy || Boolean(purchase.unanswered)}
        onChange={(next) => {
          setQuantity(next);
          purchase.forget();
        }}
      />
      <TopUpFields
        fields={fields}
        typed={typed}
        disabled={purchase.busy || Boolean(purchase.unanswered)}
        onChange={(next) => {
          setTyped(next);
          purchase.forget();
        }}
      />
      <p className="buy-stock">
        <StockMark offer={quote ? unmask(OfferPartsFragmentDoc, quote.sku.offer) : offer} />
        {sku.maxQuantity > 1 && <span className="soft">{t('buy.range', { min: sku.minQuantity, max: sku.maxQuantity })}</span>}
      </p>
      <Breaks breaks={offer.priceBreaks} />
      <Figures quote={quote} stale={quoting.stale} />
      {purchase.unanswered && <ActionFailure error={purchase.unanswered} />}
      {!purchase.unanswered && refusal && (
        <RefusalNote
          refusal={refusal}
          action={
            moved?.__typename === 'PriceMoved' ? (
              <Button type="primary" onClick={() => send(quantity, moved.currentTotal.amount)}>
                {t('buy.payNew', { amount: amountText(moved.currentTotal) })}
              </Button>
            ) : (
              purchase.answer && <Button onClick={again}>{t('buy.again')}</Button>
            )
          }
        />
      )}
      {quoting.error && <ActionFailure error={quoting.error} />}
    </Sheet>
  );
}

function QuantityField({
  sku,
  value,
  disabled,
  onChange,
}: {
  sku: SkuRowFragment;
  value: number;
  disabled: boolean;
  onChange: (value: number) => void;
}) {
  const { t } = useTranslation();
  const id = useId();
  const offers = [1, 5, 10, 50, 100].filter(
    (count) => count >= sku.minQuantity && count <= sku.maxQuantity && (count - sku.minQuantity) % sku.quantityStep === 0,
  );
  return (
    <div className="field">
      <label htmlFor={id}>{t('buy.quantity')}</label>
      <div className="quantity">
        <InputNumber
          id={id}
          size="large"
          mode="spinner"
          min={sku.minQuantity}
          max={sku.maxQuantity}
          step={sku.quantityStep}
          precision={0}
          value={value}
          disabled={disabled}
          autoFocus
          onChange={(next) => next !== null && onChange(Math.min(Math.max(next, sku.minQuantity), sku.maxQuantity))}
        />
        {offers.length > 1 && (
          <span className="quantity-offers">
            {offers.map((count) => (
              <button
                key={count}
                type="button"
                className="chip"
                aria-pressed={count === value}
                disabled={disabled}
                onClick={() => onChange(count)}
              >
                {count}
              </button>
            ))}
          </span>
        )}
      </div>
    </div>
  );
}

function Breaks({ breaks }: { breaks: readonly { minQuantity: number; unitPrice: { amount: string; currency: string } }[] }) {
  const { t } = useTranslation();
  if (breaks.length === 0) return null;
  return (
    <p className="soft buy-breaks">
      {breaks.map((one) => (
        <span key={one.minQuantity}>{t('buy.break', { from: one.minQuantity, price: amountText(one.unitPrice) })}</span>
      ))}
    </p>
  );
}

function Figures({ quote, stale }: { quote: Quote | null; stale: boolean }) {
  const { t } = useTranslation();
  return (
    <dl className={`figures ${stale ? 'stale' : ''}`} aria-live="polite" aria-busy={stale}>
      <div>
        <dt>{t('buy.unitPrice')}</dt>
        <dd>
          <Money value={quote?.unitPrice} />
        </dd>
      </div>
      <div>
        <dt>{t('buy.total')}</dt>
        <dd>
          <Money value={quote?.total} size="large" />
        </dd>
      </div>
      <div>
        <dt>{t('buy.walletAfter')}</dt>
        <dd>
          <Money value={quote?.walletAfter} />
        </dd>
      </div>
    </dl>
  );
}

function useQuote(skuId: string, quantity: number) {
  const asked = useSettled(quantity, 200);
  const [{ data, fetching, error, stale }, refetch] = useQuery({
    query: QuoteDocument,
    variables: { input: { skuId, quantity: asked } },
    requestPolicy: 'cache-and-network',
  });
  const state = { answer: data?.quote ?? null, error, stale: fetching || stale || asked !== quantity };
  return [state, () => refetch({ requestPolicy: 'network-only' })] as const;
}

/**
 * One intent to buy. Its request key and input stay together until an answer has come: when the answer was lost, the
 * same key asks for it again, so that nobody pays twice. Any answer ends the intent.
 */
function usePurchase() {
  const [{ fetching }, place] = useMutation(PlaceOrderDocument);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [unanswered, setUnanswered] = useState<CombinedError | null>(null);
  const intent = useRef<PlaceOrderInput | null>(null);

  const attempt = async (input: PlaceOrderInput) => {
    intent.current = input;
    const { data, error } = await place({ input });
    setUnanswered(data ? null : (error ?? null));
    setAnswer(data?.placeOrder ?? null);
    if (data) intent.current = null;
  };
  return {
    answer,
    unanswered,
    busy: fetching,
    send: (input: Omit<PlaceOrderInput, 'requestKey'>) => void attempt({ ...input, requestKey: newRequestKey() }),
    retry: () => intent.current && void attempt(intent.current),
    forget: () => setAnswer(null),
  };
}
