// A shop for seats: shows, orders, the office, and the lists that they read.
import { day } from './day.ts'
import { orders, shows } from './lists.ts'
import { office } from './office.ts'
import { order } from './order.ts'
import { show } from './show.ts'

export default [show, order, day, office, orders, shows]
