/** Step 9 · `fieldbid iso clear FILE`: one interval cleared from a file, without any service. */
import { Argument, type Command, Option } from '@fieldbid/core/cli/command';
import { refusingWrongInput } from '@fieldbid/core/cli/file-input';
import { priceInUsd } from '@fieldbid/core/market/money';
import { textTable } from '../offline/text-table.ts';
import { type ClearingResult, clear, PRICE_CONVENTIONS, type PriceConvention } from './clear.ts';
import { type OfferBook, type OfferedStep, readOffers } from './offers-file.ts';

export function registerClear(iso: Command): void {
  iso
    .command('clear')
    .description('Clear the offers of one interval from a file, at one price for all.')
    .addArgument(new Argument('<file>', 'JSON, YAML or CSV by its extension; - for JSON on standard input'))
    .addOption(new Option('--convention <name>', "in place of the file's").choices(PRICE_CONVENTIONS))
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ npx fieldbid iso clear iso-sim/examples/merit-order.json
  $ npx fieldbid iso clear iso-sim/examples/unit-auction.csv --convention marginal-buyer
  $ echo '{"offers":[{"id":"pv","side":"supply","price_USD_per_MWh":20,"quantity_kW":10},
      {"id":"load","side":"demand","quantity_kW":4}]}' | npx fieldbid iso clear - --json

A file has offers: id, side (supply or demand), price_USD_per_MWh, quantity_W, quantity_kW or quantity_MW; demand
without a price is served up to the cap. An auction without units has price ($/MWh) and quantity (whole W). Wrong input ends with 2. More: docs/how-to/clear-offers.md`,
    )
    .action((file: string, options: { json?: true; convention?: PriceConvention }) => {
      return refusingWrongInput(() => {
        const book = readOffers(file);
        const outcome = clearBook({ ...book, convention: options.convention ?? book.convention });
        console.log(options.json ? JSON.stringify(outcome, null, 2) : clearingText(outcome));
      });
    });
}

/** Where an offer stands at the margin: `cut` is partly accepted; the others are at an end of the price range. */
export type Marginal = 'cut' | 'last accepted' | 'first refused';

export interface ClearedBook {
  readonly outcome: ClearingResult['outcome'];
  readonly price_USD_per_MWh: number;
  readonly price_uUSD_per_MWh: number;
  readonly quantity_W: number;
  /** Lowest and highest price that would clear the same, within floor and cap. */
  readonly priceRange_USD_per_MWh: readonly [number, number];
  readonly priceRange_uUSD_per_MWh: readonly [number, number];
  readonly convention: PriceConvention;
  readonly interval?: string;
  /** In the order of the file. */
  readonly allocations: readonly {
    readonly id: string;
    readonly side: OfferedStep['side'];
    readonly price_USD_per_MWh: number;
    readonly price_uUSD_per_MWh: number;
    readonly offered_W: number;
    readonly cleared_W: number;
    readonly marginal?: Marginal;
  }[];
}

export function clearBook(book: OfferBook): ClearedBook {
  const side = (name: OfferedStep['side']) => book.steps.filter((step) => step.side === name);
  const result = clear(side('supply'), side('demand'), {
    convention: book.convention,
    cap_uUSD_per_MWh: book.cap_uUSD_per_MWh,
    intervalId: book.interval ?? '',
  });
  const [low, high] = result.priceRange_uUSD_per_MWh;
  const range = [Math.max(low, book.floor_uUSD_per_MWh), Math.min(high, book.cap_uUSD_per_MWh)] as const;
  return {
    outcome: result.outcome,
    price_USD_per_MWh: priceInUsd(result.price_uUSD_per_MWh),
    price_uUSD_per_MWh: result.price_uUSD_per_MWh,
    quantity_W: result.cleared_W,
    priceRange_USD_per_MWh: [priceInUsd(range[0]), priceInUsd(range[1])],
    priceRange_uUSD_per_MWh: range,
    convention: book.convention,
    ...(book.interval !== undefined && { interval: book.interval }),
    allocations: book.steps.map((step) => {
      const parts_W = step.side === 'supply' ? result.supply_W : result.demand_W;
      const cleared_W = parts_W.get(step.id) ?? 0;
      const marginal = marginalOf(step, cleared_W, range);
      return {
        id: step.id,
        side: step.side,
        price_USD_per_MWh: priceInUsd(step.price_uUSD_per_MWh),
        price_uUSD_per_MWh: step.price_uUSD_per_MWh,
        offered_W: step.quantity_W,
        cleared_W,
        ...(marginal !== undefined && { marginal }),
      };
    }),
  };
}

function marginalOf(
  step: OfferedStep,
  cleared_W: number,
  range: readonly [number, number],
): Marginal | undefined {
  if (cleared_W > 0 && cleared_W < step.quantity_W) return 'cut';
  if (step.quantity_W === 0 || !range.includes(step.price_uUSD_per_MWh)) return undefined;
  return cleared_W > 0 ? 'last accepted' : 'first refused';
}

const OUTCOMES: Readonly<Record<ClearedBook['outcome'], string>> = {
  CLEARED: 'supply meets demand',
  SHORTAGE: 'demand that must be served exceeds all supply: the price is the cap',
  NO_TRADE: 'all supply asks more than any demand pays',
  NO_DEMAND: 'nobody buys: the price is what the cheapest supply asks',
  NO_SUPPLY: 'nobody sells: the price is what the dearest demand pays',
  EMPTY: 'no offers',
};

export function clearingText(book: ClearedBook): string {
  const [low, high] = book.priceRange_USD_per_MWh;
  const head = [
    ['outcome', `${book.outcome} (${OUTCOMES[book.outcome]})`],
    ['price', `${book.price_USD_per_MWh} $/MWh`],
    ['quantity', `${book.quantity_W} W`],
    ['price range', `${low} ... ${high} $/MWh (convention: ${book.convention})`],
  ].map(([name, text]) => `${name?.padEnd(11)}  ${text}`);
  const merit = { supply: 1, demand: -1 };
  const rows = book.allocations
    .toSorted(
      (a, b) =>
        merit[b.side] - merit[a.side] ||
        merit[a.side] * (a.price_uUSD_per_MWh - b.price_uUSD_per_MWh) ||
        (a.id < b.id ? -1 : 1),
    )
    .map(({ id, side, price_USD_per_MWh, offered_W, cleared_W, marginal }) => [
      ...[id, side, price_USD_per_MWh, offered_W, cleared_W, bar(cleared_W, offered_W)],
      marginal === undefined ? '' : `<- ${marginal}`,
    ]);
  if (rows.length === 0) return head.join('\n');
  const table = textTable(['id', 'side', '$/MWh', 'offered W', 'cleared W', 'taken', ''], rows);
  return [...head, '', table].join('\n');
}

/** How much is taken, in tenths; something is never shown as nothing, nor a part as the whole. */
function bar(cleared_W: number, offered_W: number): string {
  const tenths = offered_W === 0 ? 0 : (10 * cleared_W) / offered_W;
  const shown = tenths < 1 ? Math.ceil(tenths) : Math.floor(tenths);
  return `[${'#'.repeat(shown)}${'.'.repeat(10 - shown)}]`;
}
