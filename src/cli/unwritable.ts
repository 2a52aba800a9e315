import { HoldfastError } from '../base/fault.ts'

/** HF_USAGE where the system did not let us write there; whatever else it is stays what it is. */
export function unwritable(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof HoldfastError || typeof code !== 'string' || !/^E[A-Z]+$/.test(code))
    return error
  return new HoldfastError('HF_USAGE', `${path} cannot be written to (${code}).`, { cause: error })
}
