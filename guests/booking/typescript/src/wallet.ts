// The money of an account. A charge has an id, under which it may be repeated: it is made once, and what was refunded is never charged again.
import { accept, minutes, refuse, update, value } from '@innkeeper/sdk'
import { type Charge, Purse, Stage, Wallet } from './gen/booking.ts'

/** More than that waits for its owner. */
const freeMax = 100n
/** So long the owner has; who asks again after that waits again. */
const patience = { within: minutes(1) }

export const wallet = value(Wallet, {
  value: Purse,
  decide: {
    deposit: (purse = Purse(), { amount }) => {
      if (amount <= 0n) return refuse('INVALID_ARGUMENT', `amount must be positive, got ${amount}`)
      const after = { ...purse, balance: purse.balance + amount }
      return update(after).reply(after)
    },
    balance: (purse = Purse()) => accept().reply(purse),

    charge: (purse = Purse(), { charge: id, amount }) => {
      const stage = find(purse, id)?.stage
      if (stage === Stage.REFUNDED) return refuse('FAILED_PRECONDITION', `${id} was refunded`)
      if (stage === Stage.CHARGED) return accept().reply({ charge: id })
      if (stage === Stage.WAITING) return accept().later(id, patience)
      if (amount > purse.balance) return tooPoor(purse)
      if (amount > freeMax) return update(put(purse, { id, amount, stage: Stage.WAITING })).later(id, patience)
      return update(put(purse, { id, amount, stage: Stage.CHARGED })).reply({ charge: id })
    },
    approve: (purse = Purse(), { charge: id }) => {
      const charge = find(purse, id)
      if (charge?.stage !== Stage.WAITING) return refuse('NOT_FOUND', `no charge ${id} waits for approval`)
      if (charge.amount > purse.balance) return tooPoor(purse)
      const after = put(purse, { ...charge, stage: Stage.CHARGED })
      return update(after).resolve(id, 'charge', { charge: id }).reply(after)
    },
    refund: (purse = Purse(), { charge: id }) =>
      // A charge that has not come yet is refunded, too: then it is refused when it comes.
      update(put(purse, { amount: 0n, ...find(purse, id), id, stage: Stage.REFUNDED }))
        .resolve(id, 'charge', refuse('FAILED_PRECONDITION', `${id} was refunded`))
        .reply({}),
  },
})

const tooPoor = ({ balance }: Purse) => refuse('FAILED_PRECONDITION', `there are only ${balance} in the wallet`)
const find = ({ charges }: Purse, id: string) => charges.find((charge) => charge.id === id)
const paid = ({ amount, stage }: Charge) => (stage === Stage.CHARGED ? amount : 0n)

/** The purse with this charge in place of the one of the same id, and with what that leaves. */
function put(purse: Purse, charge: Charge): Purse {
  const known = find(purse, charge.id)
  const others = purse.charges.filter(({ id }) => id !== charge.id)
  const balance = purse.balance + (known === undefined ? 0n : paid(known)) - paid(charge)
  return { balance, charges: [...others, charge] }
}
