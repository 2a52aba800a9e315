/** A bank that hands money out: as it should, and in two ways that look as if they did. */
import { z } from 'zod'
import { uuidv7 } from '../../../src/base/id.ts'
import { sql } from '../../../src/database/sql.ts'
import { holdfast } from '../../../src/operation/builder.ts'
import { defineCommand, defineEvent, defineJob } from '../../../src/operation/contract.ts'
import { conflict } from '../../../src/operation/problem.ts'

const shape = {
  input: z.object({ account: z.int(), amount: z.int().min(1) }),
  output: z.object({ left: z.int() }),
  problems: { notCovered: conflict('The account does not cover it') },
}

/** Checks, then takes: SERIALIZABLE, as every command that says nothing else. */
export const Withdraw = defineCommand({ ...shape, name: 'bank.withdraw' })
/** The same at READ COMMITTED. */
export const WithdrawLoosely = defineCommand({ ...shape, name: 'bank.withdraw-loosely' })
/** At READ COMMITTED, with the check in the write. */
export const WithdrawGuarded = defineCommand({ ...shape, name: 'bank.withdraw-guarded' })

export const Withdrawn = defineEvent({
  name: 'bank.withdrawn',
  payload: z.object({ account: z.int() }),
  key: ({ account }) => String(account),
})
export const Notify = defineJob({ name: 'bank.notify', payload: z.object({ account: z.int() }) })

const account = z.object({ account: z.int() })
/** Adds ten to an account: reads, then writes what it has computed. */
export const AddInterest = defineJob({ name: 'bank.add-interest', payload: account })
/** The same in one statement. */
export const AddInterestInPlace = defineJob({
  name: 'bank.add-interest-in-place',
  payload: account,
})
/** Tells the world, outside of any transaction. */
export const Tell = defineJob({ name: 'bank.tell', payload: account })

/** Has it told. */
export const Say = defineCommand({ name: 'bank.say', input: account, output: z.object({}) })

/** What the bank talks to. */
export interface Teller {
  tell(account: number, attempt: number): Promise<void>
}

const bank = holdfast<{ db: Record<never, never>; services: { teller: Teller } }>()
const allow = () => true

type Run = Parameters<typeof bank.handle<typeof Withdraw>>[1]['run']

const checked: Run = async ({ input: { account, amount }, tx, fail }) => {
  const [row] = await tx.query(
    sql<{ balance: number }>`SELECT balance FROM accounts WHERE id = ${account}`,
  )
  const left = (row?.balance ?? 0) - amount
  if (left < 0) throw fail.notCovered()
  await tx.query(sql`UPDATE accounts SET balance = ${left} WHERE id = ${account}`)
  note(tx, account, amount)
  return { left }
}

const guarded: Run = async ({ input: { account, amount }, tx, fail }) => {
  const [row] = await tx.query(
    sql<{ balance: number }>`UPDATE accounts SET balance = balance - ${amount}
      WHERE id = ${account} AND balance >= ${amount} RETURNING balance`,
  )
  if (row === undefined) throw fail.notCovered()
  note(tx, account, amount)
  return { left: row.balance }
}

function note(tx: Parameters<Run>[0]['tx'], account: number, amount: number): void {
  const id = uuidv7()
  tx.defer(
    sql`INSERT INTO withdrawals (id, account_id, amount) VALUES (${id}, ${account}, ${amount})`,
  )
  tx.emit(Withdrawn, { account })
  tx.enqueue(Notify, { account })
}

const module = bank.defineModule({
  name: 'bank',
  migrations: new URL('./migrations/', import.meta.url),
  services: { teller: { start: () => ({ tell: async () => {} }) } },
})

const isolation = 'read committed'
const add = (id: number) => sql`UPDATE accounts SET balance = balance + 10 WHERE id = ${id}`

/** A withdrawal costs a fee of one. */
export const takeFee = bank.subscribe(Withdrawn, {
  name: 'bank.take-fee',
  isolation,
  run({ event, tx }) {
    tx.defer(sql`UPDATE accounts SET balance = balance - 1 WHERE id = ${event.payload.account}`)
  },
})

export const app = bank.defineApp({
  modules: [
    {
      module,
      Withdrawn,
      withdraw: bank.handle(Withdraw, { allow, run: checked }),
      withdrawLoosely: bank.handle(WithdrawLoosely, {
        allow,
        isolation: 'read committed',
        run: checked,
      }),
      withdrawGuarded: bank.handle(WithdrawGuarded, {
        allow,
        isolation: 'read committed',
        run: guarded,
      }),
      notify: bank.handle(Notify, { run: async () => {} }),
      takeFee,
      addInterest: bank.handle(AddInterest, {
        isolation,
        async run({ payload: { account }, tx }) {
          const { balance } = await tx.one(
            sql<{ balance: number }>`SELECT balance FROM accounts WHERE id = ${account}`,
          )
          tx.defer(sql`UPDATE accounts SET balance = ${balance + 10} WHERE id = ${account}`)
        },
      }),
      addInterestInPlace: bank.handle(AddInterestInPlace, {
        isolation,
        run({ payload, tx }) {
          tx.defer(add(payload.account))
        },
      }),
      say: bank.handle(Say, {
        allow,
        run({ input, tx }) {
          tx.enqueue(Tell, input)
          return {}
        },
      }),
      tell: bank.handle(Tell, {
        act: ({ payload, job, services }) => services.teller.tell(payload.account, job.attempt),
      }),
    },
  ],
})

export const seed = `SELECT set_config('holdfast.tenant', 'acme', false);
  INSERT INTO accounts (id, balance) VALUES (1, 100), (2, 100)`
