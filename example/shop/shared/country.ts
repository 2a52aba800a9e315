import { z } from 'zod'

/** ISO 3166-1 alpha-2, by its form: which codes are in use changes more often than a shop does. */
export const country = z
  .string()
  .regex(/^[A-Z]{2}$/, 'must be an ISO 3166 code: two capital letters')
  .meta({ description: 'ISO 3166-1 alpha-2', examples: ['DE'] })
