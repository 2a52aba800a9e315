import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import {
  AdvancePayment,
  FindPayment,
  FollowUp,
  NoteProviderState,
  ReconcilePayment,
} from './contract.ts'
import { seeThrough, selectProgress } from './payment.ts'
import { nextStep } from './payment-states.ts'

/**
 * One step, under a key made of the payment and the step: asked twice, it is done once. A crash
 * before the answer is noted asks again, and is answered the same.
 */
export const advancePayment = shop.handle(AdvancePayment, {
  async act({ payload: { payment_id }, call, scope, services: { payments } }) {
    const payment = await call(FindPayment, { payment_id })
    const step = nextStep(payment.status, payment.goal)
    if (step === undefined) return
    const state = await payments.take(scope, step, { ...payment, payment_id })
    await call(NoteProviderState, { state, via: 'reply' }, { key: `version ${state.version}` })
  },
})

/** For as long as a payment is not decided there is one of these to come. */
export const reconcilePayment = shop.handle(ReconcilePayment, {
  async act({ payload, call, scope, services: { payments } }) {
    const { payment_id, round } = payload
    const { decided } = await call(FollowUp, { payment_id, round })
    if (decided) return
    const state = await payments.find(scope, payment_id)
    // Never heard of there: the step that was enqueued again begins it.
    if (state === undefined) return
    await call(NoteProviderState, { state, via: 'reconcile' }, { key: `version ${state.version}` })
  },
})

export const followUp = shop.handle(FollowUp, {
  allow: may('payments:advance'),
  async run({ input: { payment_id, round }, tx, scope, fail }) {
    const payment = await tx.maybeOne(selectProgress(payment_id))
    if (payment === undefined) throw fail.paymentNotFound()
    const { status, goal } = payment
    if (nextStep(status, goal) === undefined) return { decided: true }
    seeThrough(tx, scope.clock, { id: payment_id, status, goal }, round + 1)
    return { decided: false }
  },
})
