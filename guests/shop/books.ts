// Books: what the provider has taken, given back and mailed. The shop's tests compare them with what the host says.
//
// B1. A charge is made once under its id. One that was given back, even before it came, is never made again.
// B2. What is written down is in the file before anyone hears of it, and is read back when the provider starts again.

import { appendFileSync, existsSync, readFileSync } from 'node:fs'

export type ChargeState = 'CHARGED' | 'REFUNDED' | 'VOID'

export interface ChargeOfBooks {
  readonly charge: string
  /** What was taken; 0 for one that never came. */
  readonly cents: number
  readonly receipt: string
  readonly state: ChargeState
}

export interface MailOfBooks {
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly text: string
}

export interface ProviderBooks {
  readonly charges: readonly ChargeOfBooks[]
  readonly mails: readonly MailOfBooks[]
}

/** Why the provider says no: its status and its words. */
export class No extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

type Line = { readonly charge: ChargeOfBooks } | { readonly mail: MailOfBooks }

export class Books {
  private readonly charges = new Map<string, ChargeOfBooks>()
  private readonly mails = new Map<string, MailOfBooks>()
  private readonly file: string | undefined

  constructor(file?: string) {
    this.file = file
    if (file === undefined || !existsSync(file)) return
    for (const line of readFileSync(file, 'utf8').split('\n')) if (line !== '') this.keep(JSON.parse(line) as Line)
  }

  /** @throws No */
  charge(charge: string, cents: number, card: string): ChargeOfBooks {
    const known = this.charges.get(charge)
    if (known !== undefined && known.state !== 'CHARGED') throw new No(409, `${charge} was given back`)
    if (known !== undefined && known.cents !== cents) throw new No(409, `${charge} is of ${known.cents}`)
    if (known !== undefined) return known
    if (!(cents > 0)) throw new No(400, 'cents: more than 0')
    if (card === 'declined') throw new No(402, 'the card is declined')
    return this.write({ charge, cents, receipt: `r-${this.charges.size + 1}`, state: 'CHARGED' })
  }

  refund(charge: string): ChargeOfBooks {
    const known = this.charges.get(charge)
    if (known === undefined) return this.write({ charge, cents: 0, receipt: '', state: 'VOID' })
    return known.state === 'CHARGED' ? this.write({ ...known, state: 'REFUNDED' }) : known
  }

  mail(mail: MailOfBooks): void {
    if (!this.mails.has(mail.id)) this.put({ mail })
  }

  get all(): ProviderBooks {
    return { charges: [...this.charges.values()], mails: [...this.mails.values()] }
  }

  private write(charge: ChargeOfBooks): ChargeOfBooks {
    this.put({ charge })
    return charge
  }

  private put(line: Line): void {
    if (this.file !== undefined) appendFileSync(this.file, `${JSON.stringify(line)}\n`)
    this.keep(line)
  }

  private keep(line: Line): void {
    if ('charge' in line) this.charges.set(line.charge.charge, line.charge)
    else this.mails.set(line.mail.id, line.mail)
  }
}
