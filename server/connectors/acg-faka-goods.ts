import type { UpstreamGoods, UpstreamInputField } from './connector.ts';
import { sumOfAmounts } from './goods.ts';
import { countOf, entriesOf, fieldOf, itemsOf, type JsonValue, parseJson, textOf } from './json.ts';

/** So many combinations of a commodity's options are listed; more are for a person to name. */
const COMBINATIONS_MOST = 100;

/** One choice of a commodity: what it is called, what the offer has to say, and what it adds to the price. */
type Choice = {
  readonly name: string;
  readonly goods: Readonly<Record<string, string>>;
  readonly price: string | null;
  readonly extras: readonly string[];
};

/**
 * The commodities of one category as goods: one for each race (种类, with a price of its own) and each combination of options (sku, each
 * with a surcharge). Prices are those of a user before group discounts, which only a quote tells.
 */
export function acgFakaGoods(category: JsonValue): UpstreamGoods[] {
  const categoryName = textOf(fieldOf(category, 'name')) ?? '';
  return (itemsOf(fieldOf(category, 'children')) ?? []).flatMap((commodity) =>
    goodsOf(commodity, categoryName === '' ? [] : [categoryName]),
  );
}

function goodsOf(commodity: JsonValue, categoryPath: readonly string[]): UpstreamGoods[] {
  const code = textOf(fieldOf(commodity, 'code')) ?? '';
  const productName = textOf(fieldOf(commodity, 'name')) ?? '';
  const unitPrice = textOf(fieldOf(commodity, 'user_price') ?? fieldOf(commodity, 'price')) ?? '';
  const inputFields = inputFieldsOf(fieldOf(commodity, 'widget'));
  const isManual = countOf(fieldOf(commodity, 'delivery_way')) === 1;
  const choices = choicesOf(settingsOf(fieldOf(commodity, 'config')));
  return choices.map((choice) => ({
    goods: { shared_code: code, ...choice.goods },
    categoryPath,
    productName,
    skuName: choice.name === '' ? productName : choice.name,
    // what is no amount stays as it came: whoever imports it refuses it by name
    unitCost: sumOfAmounts([choice.price ?? unitPrice, ...choice.extras]) ?? choice.price ?? unitPrice,
    // it counts the whole commodity, not the choice
    stockCount: choices.length === 1 ? countOf(fieldOf(commodity, 'stock')) : null,
    minQuantity: countOf(fieldOf(commodity, 'minimum')) || null,
    maxQuantity: countOf(fieldOf(commodity, 'maximum')) || null,
    // what a person there delivers after something was typed is no card key (inferred: the interface has no word for it)
    goodsKind: isManual && inputFields.length > 0 ? 'TOP_UP' : 'CARD_KEY',
    inputFields,
  }));
}

function choicesOf(settings: Settings): Choice[] {
  const races: Choice[] = (settings.get('category') ?? []).map(([name, price]) => ({ name, goods: { race: name }, price, extras: [] }));
  const options = Map.groupBy(settings.get('sku') ?? [], ([name]) => name.slice(0, name.indexOf('.')));
  let choices: Choice[] = races.length > 0 ? races : [{ name: '', goods: {}, price: null, extras: [] }];
  for (const [option, values] of options) {
    choices = choices.flatMap((choice) => values.map(([name, extra]) => withOption(choice, option, name.slice(option.length + 1), extra)));
    if (choices.length > COMBINATIONS_MOST) return [];
  }
  return choices;
}

function withOption(choice: Choice, option: string, value: string, extra: string): Choice {
  const sku = [choice.goods['sku'] ?? '', `${option}=${value}`].filter((each) => each !== '').join('&');
  return {
    ...choice,
    name: `${choice.name} ${value}`.trim(),
    goods: { ...choice.goods, sku },
    extras: [...choice.extras, extra === '' ? '0' : extra],
  };
}

/** Sections of a commodity's settings: names (with dots, where they are nested) and values. */
type Settings = ReadonlyMap<string, readonly (readonly [name: string, value: string])[]>;

/** They come as the text of an INI file in lists, and as an object (an empty list when empty) elsewhere. */
function settingsOf(config: JsonValue | undefined): Settings {
  const text = textOf(config);
  if (text !== null) return settingsOfText(text);
  return new Map(entriesOf(config).map(([section, values]) => [section, flattened(values, '')]));
}

function flattened(values: JsonValue, prefix: string): [string, string][] {
  return entriesOf(values).flatMap(([name, value]): [string, string][] => {
    const text = textOf(value);
    return text === null ? flattened(value, `${prefix}${name}.`) : [[`${prefix}${name}`, text]];
  });
}

function settingsOfText(text: string): Settings {
  const settings = new Map<string, [string, string][]>();
  let section: [string, string][] = [];
  for (const line of text.split(/[\r\n]+/)) {
    const title = /^\[(.*)\]$/.exec(line.trim())?.[1];
    const at = line.indexOf('=');
    if (title !== undefined) {
      section = [];
      settings.set(title, section);
    } else if (at > 0) section.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  }
  return settings;
}

/** What the buyer types: a list, or the text of one. */
function inputFieldsOf(widget: JsonValue | undefined): UpstreamInputField[] {
  const fields = itemsOf(widget) ?? itemsOf(parseJson(textOf(widget) ?? '')) ?? [];
  return fields.flatMap((field) => {
    const name = textOf(fieldOf(field, 'name')) ?? '';
    // a container that scripts of the shop's page fill is no field
    if (name === '' || textOf(fieldOf(field, 'type')) === 'custom') return [];
    return [{ name, label: textOf(fieldOf(field, 'cn')) ?? name, isRequired: (textOf(fieldOf(field, 'regex')) ?? '') !== '' }];
  });
}
