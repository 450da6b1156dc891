// Guards the account of bytes in flight against any order of what clients do: it is the sum, never more than its bounds, and who is cut is
// who takes the room.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Connection, clientOf, type Flow, InFlight } from '../host/in-flight.ts'

const Account = suite('bytes in flight')

const max = 8_000
const connectionMax = 4_000

function account() {
  const cut: string[] = []
  const inFlight = new InFlight({ max, connectionMax, setting: 'in-flight-bytes-max' })
  const connect = (address: string): Connection => inFlight.of({ remoteAddress: address })
  const begin = (connection: Connection, name: string): Flow =>
    connection.begin(({ code, message }) => {
      assert.is(code, 'overloaded')
      assert.match(message, /in-flight-bytes-max.*send it again later/)
      cut.push(name)
    })
  return { inFlight, cut, connect, begin }
}
const settled = () => new Promise<void>((resolve) => queueMicrotask(resolve))

const acts = fc.array(
  fc.record({
    act: fc.constantFrom('holds', 'holds', 'holds', 'owes', 'reads', 'in hand', 'close', 'leave'),
    flow: fc.nat(11),
    bytes: fc.integer({ min: 1, max: 3_000 }),
  }),
  { maxLength: 200 },
)

Account(
  '§limit-11, in-flight.F1, in-flight.F2: whatever clients do, it is the sum of what each has, and within every bound',
  async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (all) => {
        const { inFlight, cut, connect, begin } = account()
        const connections = Array.from({ length: 6 }, (_, at) => connect(`10.0.0.${at % 3}`))
        const flows: Flow[] = []
        let left = 0
        for (const { act, flow: at, bytes } of all) {
          const connection = connections[at % 6]!
          if (flows[at] === undefined || flows[at].closed) flows[at] = begin(connection, '')
          const flow = flows[at]
          if (act === 'holds') flow.holds(bytes)
          else if (act === 'owes') flow.owes(bytes)
          else if (act === 'reads') flow.owes(-Math.min(bytes, flow.unread))
          else if (act === 'in hand') flow.inHand()
          else if (act === 'close') flow.close()
          else {
            connection.close()
            connections[at % 6] = connect(`10.0.0.${at % 3}`)
            left += 1
            // Requests in hand are answered some time.
            for (const each of flows) if (each?.connection === connection) each.close()
          }
          await settled()
          assert.ok(inFlight.bytes <= max, `${inFlight.bytes} of ${max}`)
          const open = flows.filter((each) => each !== undefined && !each.closed)
          assert.is(
            inFlight.bytes,
            open.reduce((sum, each) => sum + each.bytes, 0),
          )
          for (const each of connections) assert.ok(each.bytes <= connectionMax)
        }
        assert.ok(inFlight.cuts === cut.length && left >= 0)
      }),
    )
  },
)

Account('in-flight.F3: of one address the oldest incomplete request is cut, and not the one that asks for more', () => {
  const { cut, connect, begin } = account()
  const flows = ['a', 'b', 'c', 'd'].map((name) => begin(connect('10.0.0.1'), name))
  const others = ['e', 'f'].map((name) => begin(connect('10.0.0.1'), name))
  // 7,000 of 8,000 are what one address may have.
  for (const flow of flows) assert.ok(flow.holds(1_000))
  assert.ok(others[0]!.holds(2_900))
  assert.equal(cut, [])
  assert.ok(others[1]!.holds(500))
  assert.equal(cut, ['a'])
})

Account(
  'in-flight.F3, in-flight.F4: a request that is whole is never cut, and where nothing else is there the one that asks is refused',
  () => {
    const { cut, connect, begin } = account()
    const whole = ['a', 'b', 'c'].map((name) => begin(connect('10.0.0.1'), name))
    for (const flow of whole) {
      assert.ok(flow.holds(2_200))
      flow.inHand()
    }
    assert.not.ok(begin(connect('10.0.0.1'), 'd').holds(1_000))
    assert.equal(cut, ['d'])
  },
)

Account('in-flight.F3: small requests among large ones stay, however old they are', () => {
  const { cut, connect, begin } = account()
  const small = Array.from({ length: 20 }, (_, at) => begin(connect('10.0.0.1'), `small ${at}`))
  for (const flow of small) assert.ok(flow.holds(10))
  const large = ['a', 'b', 'c'].map((name) => begin(connect('10.0.0.1'), name))
  for (const flow of large) flow.holds(2_600)
  assert.equal(cut, ['a'])
})

Account('in-flight.F3: answers that nobody reads go, the largest first, once what runs has run', async () => {
  const { inFlight, cut, connect, begin } = account()
  const flows = ['a', 'b', 'c'].map((name) => begin(connect('10.0.0.1'), name))
  flows[0]!.owes(2_000)
  flows[1]!.owes(3_500)
  flows[2]!.owes(2_000)
  assert.equal(cut, [])
  await settled()
  assert.equal(cut, ['b'])
  assert.is(inFlight.bytes, 4_000)
})

Account('in-flight.F5: while no bound is passed, nothing is looked for, however many requests there are', async () => {
  const { inFlight, cut, connect, begin } = account()
  let looked = 0
  /** Counts who goes through it. */
  const watched = (all: Set<unknown> | Map<unknown, unknown>) => {
    for (const way of [Symbol.iterator, 'values', 'entries', 'keys', 'forEach'] as const) {
      const go = (all[way as 'values'] as () => unknown).bind(all)
      Object.defineProperty(all, way, {
        value: (...given: []) => {
          looked += 1
          return go(...given)
        },
      })
    }
  }
  watched((inFlight as unknown as { readonly addresses: Map<string, unknown> }).addresses)
  const connections = Array.from({ length: 20 }, (_, at) => connect(`10.0.0.${at % 5}`))
  for (const { listed } of connections) watched(listed)
  for (const all of new Set(connections.map(({ address }) => address.connections))) watched(all)
  for (let round = 0; round < 10; round++) {
    const flows = connections.flatMap((connection) => [begin(connection, ''), begin(connection, '')])
    for (const flow of flows) {
      assert.ok(flow.holds(10))
      assert.ok(flow.holds(100))
      flow.inHand()
    }
    assert.is(inFlight.bytes, 4_000)
    for (const flow of flows) flow.owes(20)
    for (const flow of flows) flow.owes(-10)
    await settled()
    for (const flow of flows) flow.close()
  }
  assert.is(looked, 0)
  // Of one that passes its bound it is.
  const over = connections[0]!
  const old = begin(over, 'old')
  assert.ok(old.holds(2_000))
  assert.is(looked, 0)
  assert.ok(begin(over, 'new').holds(2_500))
  assert.equal(cut, ['old'])
  assert.ok(looked > 0)
})

Account('a client with little is served while another address has all that it may have', () => {
  const { cut, connect, begin } = account()
  const big = Array.from({ length: 9 }, (_, at) => begin(connect('10.0.0.1'), `big ${at}`))
  for (const flow of big) flow.holds(1_000)
  const before = cut.length
  assert.ok(before >= 2)
  assert.ok(begin(connect('10.0.0.2'), 'small').holds(900))
  assert.is(cut.length, before)
})

Account('where many addresses have filled it, the one with most gives way to a new one', () => {
  const { cut, connect, begin } = account()
  for (let at = 0; at < 7; at++) begin(connect(`10.0.1.${at}`), `other ${at}`).holds(990)
  begin(connect('10.0.0.1'), 'most').holds(1_000)
  assert.equal(cut, [])
  assert.ok(begin(connect('10.0.0.2'), 'new').holds(900))
  assert.equal(cut[0], 'most')
  assert.not.ok(cut.includes('new'))
})

Account('in-flight.F2: a connection has its own bound', () => {
  const { cut, connect, begin } = account()
  const connection = connect('10.0.0.1')
  const other = begin(connect('10.0.0.1'), 'other')
  other.holds(100)
  const flows = Array.from({ length: 5 }, (_, at) => begin(connection, `${at}`))
  for (const flow of flows) assert.ok(flow.holds(1_000))
  assert.equal(cut, ['0', '1'])
})

Account('a connection that ended leaves only what is in hand, until that is answered', () => {
  const { inFlight, connect, begin } = account()
  const connection = connect('10.0.0.1')
  begin(connection, 'incomplete').holds(500)
  const unread = begin(connection, 'unread')
  unread.owes(300)
  const inHand = begin(connection, 'in hand')
  inHand.holds(100)
  inHand.inHand()
  connection.close()
  assert.is(inFlight.bytes, 100)
  assert.is(inFlight.mostOfAddress, 100)
  // The answer goes nowhere.
  inHand.owes(1_000)
  assert.is(inFlight.bytes, 0)
  assert.is(inFlight.mostOfAddress, 0)
})

Account('what is incomplete for too long ends, and nothing that began later', () => {
  const { inFlight, connect, begin } = account()
  const cut: string[] = []
  const [old, whole] = ['old', 'whole'].map((name) => begin(connect('10.0.0.1'), name))
  old!.holds(10)
  whole!.holds(10)
  whole!.inHand()
  const mark = inFlight.mark()
  begin(connect('10.0.0.1'), 'new').holds(10)
  inFlight.cutBefore(mark, () => {
    cut.push('one')
    return inFlight.refusal()
  })
  assert.equal(cut, ['one'])
  assert.ok(old!.closed)
  assert.not.ok(whole!.closed)
})

Account('a client of IPv6 is its network, and one of IPv4 its address', () => {
  const cases = {
    '127.0.0.1': '127.0.0.1',
    '::ffff:10.1.2.3': '10.1.2.3',
    '2001:db8:0:1:aaaa::1': '2001:db8:0:1::/64',
    '2001:db8::1': '2001:db8:0:0::/64',
    '::1': '0:0:0:0::/64',
    'fe80::1%eth0': 'fe80:0:0:0::/64',
  }
  for (const [address, client] of Object.entries(cases)) assert.is(clientOf(address), client)
  assert.is(clientOf(undefined), '')
})

Account.run()
