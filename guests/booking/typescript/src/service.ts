// A ticket shop: bookings, and the shows and wallets that they ask.
import { booking } from './booking.ts'
import { show } from './show.ts'
import { wallet } from './wallet.ts'

export default [booking, show, wallet]
