/** Money is an integer number of minor units (cents, yen, fils) and an ISO 4217 currency. */
import { z } from 'zod'

/** Active codes of ISO 4217, list one, without funds and metals. */
const CURRENCIES = (
  'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD ' +
  'CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS ' +
  'GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW ' +
  'KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR ' +
  'MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR ' +
  'SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX ' +
  'USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG'
).split(' ')
const known = new Set(CURRENCIES)

export const currency = z
  .string()
  .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code: three capital letters')
  .refine((code) => known.has(code), 'is not an active ISO 4217 currency')
  .meta({ description: 'ISO 4217 code', examples: ['EUR'] })

/** 1e11 x 100 pieces x 50 lines stays below 2^53, so that every total is exact. */
export const PRICE_MINOR_MAX = 100_000_000_000
export const QUANTITY_MAX = 100
export const LINES_MAX = 50

export const priceMinor = z
  .int()
  .min(0)
  .max(PRICE_MINOR_MAX)
  .meta({ description: 'Minor units of the currency (cents)', examples: [1999] })

export interface PricedQuantity {
  readonly price_minor: number
  readonly quantity: number
}

/** Exact: bounded integers, no fraction ever. */
export function totalMinor(lines: readonly PricedQuantity[]): number {
  return lines.reduce((sum, line) => sum + line.price_minor * line.quantity, 0)
}

/** `1999, EUR` is written `19.99 EUR`; the number of decimals is the currency's own. */
export function formatMoney(amountMinor: number, code: string): string {
  const digits = minorDigits(code)
  const text = String(amountMinor).padStart(digits + 1, '0')
  const whole = text.slice(0, text.length - digits)
  return digits === 0 ? `${whole} ${code}` : `${whole}.${text.slice(-digits)} ${code}`
}

/** ISO 4217's minor units where they are not 2. Intl follows CLDR, which differs from the standard. */
const digitsOf: Readonly<Record<string, number>> = {
  ...fixed(0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'),
  ...fixed(3, 'BHD IQD JOD KWD LYD OMR TND'),
}

function minorDigits(code: string): number {
  return digitsOf[code] ?? 2
}

function fixed(digits: number, codes: string): Record<string, number> {
  return Object.fromEntries(codes.split(' ').map((code) => [code, digits]))
}
