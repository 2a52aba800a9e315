/** What `holdfast prove` explores here: each command with itself and with those that touch a table of its own. */
import { pairs } from '../../src/prove/pairs/pairs.ts'
import { app } from './app.ts'

export const commands = pairs({ app, seed: new URL('./prove-seed.sql', import.meta.url) })
