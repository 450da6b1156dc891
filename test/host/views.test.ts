// Guards views on a whole host: rows follow what is committed, once each, whatever is killed, purged, deployed anew, or restored.

import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import { hostProcess, http, temporary, testHost } from '../support/host.ts'
import { carts, caughtUp, sales, salesWith, shown, table, view } from '../support/sales.ts'

const Views = suite('views')

const add = (host: { listen: string }, user: string, product: string, quantity = 1) =>
  http(host.listen, 'POST', `/cart/${user}/items/add`, { product_id: product, name: product.toUpperCase(), quantity })
const remove = (host: { listen: string }, user: string, product: string) =>
  http(host.listen, 'POST', `/cart/${user}/items/${product}/remove`)
const checkout = (host: { listen: string }, user: string) => http(host.listen, 'POST', `/cart/${user}/checkout`)
/** A change of an operator, without a body. */
const admin = { 'content-type': 'application/json' }
const rows = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

async function deployed(host: Host, ...components: readonly Uint8Array[]): Promise<void> {
  for (const bytes of components) {
    const result = await host.deployer.deploy(bytes)
    assert.ok(result.ok, JSON.stringify(result))
  }
}

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 3_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.unreachable('it did not come about')
}

/** A host with carts and their view, in a directory that goes with it. */
async function world(use: (host: Host, path: string) => Promise<void>): Promise<void> {
  const { path, remove: away } = temporary()
  const host = await testHost(path)
  try {
    await deployed(host, await carts(), await sales())
    await use(host, path)
  } finally {
    await host.stop()
    away()
  }
}

/** The table as it is, and as it is when it is built from nothing. */
async function sameAsRebuilt(host: { admin: string }): Promise<string> {
  await caughtUp(host)
  const followed = await table(host)
  const { status } = await http(host.admin, 'POST', `/v1/views/${view}/rebuild`, undefined, admin)
  assert.is(status, 200)
  await caughtUp(host)
  assert.is(await table(host), followed)
  return followed
}

Views(
  '§view-2, §view-8, §view-11, live.L2: rows follow events, and queries answer one message, a stream of rows, and results that go on',
  async () => {
    await world(async (host) => {
      for (const user of ['a', 'b']) {
        assert.is((await add(host, user, 'tea', 2)).status, 200)
        await add(host, user, 'cup')
      }
      await add(host, 'b', 'pot')
      await remove(host, 'b', 'cup')
      await checkout(host, 'a')
      await caughtUp(host)
      const ofUser = await http(host.listen, 'GET', '/sales/users/b/items?limit=9')
      assert.equal(
        rows(ofUser.text).map(({ product, quantity, sold }) => [product, quantity, sold]),
        [
          ['pot', '1', false],
          ['tea', '2', false],
        ],
      )
      assert.equal((await http(host.listen, 'GET', '/sales/totals')).json, { users: '2', items: '6', sold: '3' })
      const sold = await http(host.listen, 'GET', '/sales/products?limit=1')
      assert.equal(rows(sold.text), [{ product: 'tea', name: 'TEA', sold: '2', carts: '1' }])
      const abort = new AbortController()
      const stream = await fetch(`http://${host.listen}/sales/dashboard?limit=9`, {
        headers: { accept: 'text/event-stream' },
        signal: abort.signal,
      })
      let seen = ''
      const reading = (async () => {
        for await (const chunk of stream.body!) seen += Buffer.from(chunk).toString()
      })().catch(() => {})
      const results = () => [...seen.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!).products)
      await until(() => results().length === 1)
      assert.equal(
        results()[0].map(({ product }: { product: string }) => product),
        ['tea', 'cup'],
      )
      // It changes the table, and not the result.
      await add(host, 'c', 'tea')
      await caughtUp(host)
      await checkout(host, 'b')
      await until(() => results().length === 2)
      assert.equal(
        results()[1].map(({ product, sold: count }: { product: string; sold: string }) => [product, count]),
        [
          ['tea', '4'],
          ['cup', '1'],
          ['pot', '1'],
        ],
      )
      abort.abort()
      await reading
    })
  },
)

Views(
  '§view-4, projection.J1, projection.J2: a table is what is built from nothing, over restarts, and what was committed before the view was there',
  async () => {
    const { path, remove: away } = temporary()
    try {
      let host = await testHost(path)
      await deployed(host, await carts())
      for (let at = 0; at < 150; at++) await add(host, `u${at % 40}`, `p${at % 7}`)
      await deployed(host, await sales())
      for (let at = 0; at < 50; at++) await add(host, `u${at % 45}`, `p${at % 5}`)
      for (let at = 0; at < 9; at++) await checkout(host, `u${at}`)
      const before = await sameAsRebuilt(host)
      assert.ok(JSON.parse(before).length > 100)
      await host.stop()
      host = await testHost(path)
      try {
        await caughtUp(host)
        assert.is(await table(host), before)
        await remove(host, 'u20', 'p6')
        assert.is.not(await sameAsRebuilt(host), before)
      } finally {
        await host.stop()
      }
    } finally {
      away()
    }
  },
)

Views(
  '§view-3, projection.J4, projector.P1, projector.P2, projection.J2: kill -9 of the host, and of the writer, loses and doubles nothing',
  async () => {
    const { path, remove: away } = temporary()
    try {
      const files = (
        await Promise.all(
          ['cart/typescript', 'sales/typescript'].map(async (name) =>
            (await import('../support/components.ts')).component(name),
          ),
        )
      ).map(({ file }) => file)
      let host = await hostProcess(path, files)
      const acknowledged = new Map<string, number>()
      for (let round = 0; round < 4; round++) {
        let going = true
        const load = Promise.all(
          Array.from({ length: 8 }, async (_, lane) => {
            for (let at = 0; going; at++) {
              const user = `u${lane}`
              const answer = await add(host, user, `p${at % 3}`).catch(() => undefined)
              if (answer?.status === 200) acknowledged.set(user, (acknowledged.get(user) ?? 0) + 1)
              else if (answer === undefined) return
            }
          }),
        )
        await until(async () => (await shown(host))?.state === 'following')
        const enough = [...acknowledged.values()].reduce((sum, count) => sum + count, 0) + 200
        await until(() => [...acknowledged.values()].reduce((sum, count) => sum + count, 0) >= enough)
        if (round % 2 === 0) await host.kill()
        else {
          const { writer } = (await http(host.admin, 'GET', '/v1/views')).json.processes
          process.kill(writer, 'SIGKILL')
          await caughtUp2(host)
        }
        going = false
        await load
        if (round % 2 === 0) host = await hostProcess(path)
      }
      try {
        const all = JSON.parse(await sameAsRebuilt(host)) as [string, string, string, string, number][]
        for (const [user, count] of acknowledged) {
          const held = all.filter(([, of]) => of === user).reduce((sum, row) => sum + row[4], 0)
          assert.ok(held >= count, `${user}: ${held} of ${count}`)
        }
      } finally {
        await host.kill()
      }
    } finally {
      away()
    }
  },
)

/** It goes on after its process was killed. */
async function caughtUp2(host: { admin: string }): Promise<void> {
  await until(async () => {
    const one = await shown(host)
    return one?.state === 'following' && (one.lag?.commits ?? 1) < 1_000
  })
}

Views(
  '§view-4, follower.F1: another function, row or .proto builds the table anew, and the old one answers meanwhile',
  async () => {
    await world(async (host) => {
      await add(host, 'a', 'tea')
      await caughtUp(host)
      const before = await table(host)
      await deployed(host, await salesWith((text) => text.replace('name: before?.name ?? name', "name: 'new ' + name")))
      // Of one version or the other, never nothing.
      const answers = new Set<string>()
      await until(async () => {
        const { status, text } = await http(host.listen, 'GET', '/sales/users/a/items?limit=1')
        assert.is(status, 200)
        answers.add(JSON.parse(text).name)
        return answers.has('new TEA')
      })
      assert.ok(answers.size <= 2)
      await caughtUp(host)
      assert.is.not(await table(host), before)
      const wider = await salesWith(
        (text) => text.replace('sold: false }', "sold: false, note: 'a note' }"),
        (text) => text.replace('bool sold = 7;', 'bool sold = 7;\n  string note = 8;'),
      )
      await deployed(host, wider)
      await caughtUp(host)
      assert.match(await table(host), 'a note')
    })
  },
)

Views(
  '§view-5, projector.P3: a change that the function cannot project stops its view there, visibly; another function builds it anew',
  async () => {
    await world(async (host) => {
      await add(host, 'a', 'tea')
      await caughtUp(host)
      const poisoned = await salesWith((text) =>
        text.replace(
          'const item = key(entity, productId)\n',
          "const item = key(entity, productId)\n        if (productId === 'poison') throw new Error('it is bitter')\n",
        ),
      )
      await deployed(host, poisoned)
      await caughtUp(host)
      await add(host, 'b', 'cup')
      await add(host, 'b', 'poison')
      await add(host, 'c', 'pot')
      await until(async () => (await shown(host)).state === 'stuck')
      assert.match(
        (await shown(host)).stuck ?? '',
        /ItemAdded of examples\.cart\.v1\.ShoppingCart "b", number 2: .*it is bitter/,
      )
      // What came before it is there, and answers.
      assert.equal(
        rows((await http(host.listen, 'GET', '/sales/users/b/items?limit=9')).text).map(({ product }) => product),
        ['cup'],
      )
      assert.is((await add(host, 'd', 'tea')).status, 200)
      await deployed(host, await sales())
      await caughtUp(host)
      assert.match(await table(host), 'poison')
      assert.match(await table(host), '"d"')
      assert.is((await shown(host)).stuck, undefined)
    })
  },
)

Views(
  '§view-7, follower.F2, projection/views.V2: a purge deletes rows, an undeployed source leaves them, and an undeployed view is gone',
  async () => {
    await world(async (host, path) => {
      await add(host, 'a', 'tea')
      await caughtUp(host)
      const cart = 'examples.cart.v1.ShoppingCart'
      assert.is((await http(host.admin, 'DELETE', `/v1/services/${cart}`, undefined, admin)).status, 200)
      await caughtUp(host)
      assert.match(await table(host), 'tea')
      assert.equal((await shown(host)).missing, [cart])
      await deployed(host, await carts())
      await add(host, 'a', 'cup')
      await caughtUp(host)
      assert.is(JSON.parse(await table(host)).length, 2)
      await http(host.admin, 'DELETE', `/v1/services/${cart}?purge=true`, undefined, admin)
      await caughtUp(host)
      assert.equal(JSON.parse(await table(host)), [])
      await deployed(host, await carts())
      // Its numbers begin anew.
      await add(host, 'a', 'pot')
      await sameAsRebuilt(host)
      assert.is(JSON.parse(await table(host)).length, 1)
      await http(host.admin, 'DELETE', `/v1/services/${view}`, undefined, admin)
      assert.is((await http(host.listen, 'GET', '/sales/totals')).status, 404)
      await until(() => readdirSync(join(path, 'views')).length === 0)
    })
  },
)

Views(
  '§view-6, follower.F2: a journal that was restored, and tables that are damaged or lost, are noticed, and the view is built anew',
  async () => {
    const { path, remove: away } = temporary()
    const kept = temporary()
    try {
      let host = await testHost(path)
      await deployed(host, await carts(), await sales())
      await add(host, 'a', 'tea')
      await caughtUp(host)
      await host.stop()
      cpSync(path, kept.path, { recursive: true })
      host = await testHost(path)
      for (let at = 0; at < 5; at++) await add(host, 'b', `p${at}`)
      await caughtUp(host)
      await host.stop()
      // The journal is the old one; the tables are those of later.
      for (const name of readdirSync(path)) if (name !== 'views') rmSync(join(path, name), { recursive: true })
      for (const name of readdirSync(kept.path))
        if (name !== 'views') cpSync(join(kept.path, name), join(path, name), { recursive: true })
      host = await testHost(path)
      await add(host, 'c', 'cup')
      await until(async () => {
        await caughtUp(host)
        return !(await table(host)).includes('"b"')
      })
      assert.is(JSON.parse(await table(host)).length, 2)
      await host.stop()
      const left = join(path, 'views/0123456789abcdef-7.db')
      cpSync(join(path, 'views', readdirSync(join(path, 'views')).find((name) => name.endsWith('.db'))!), left)
      host = await testHost(path)
      await until(() => !existsSync(left))
      await host.stop()
      rmSync(join(path, 'views'), { recursive: true })
      host = await testHost(path)
      await caughtUp(host)
      assert.is(JSON.parse(await table(host)).length, 2)
      await host.stop()
    } finally {
      away()
      kept.remove()
    }
  },
)

Views(
  '§view-1, deploy/views.V1, deploy/views.V2: what a .proto says of a view that cannot be is refused with the place: by the build, and by SQLite',
  async () => {
    const problems = async (change: (text: string) => string): Promise<string> => {
      try {
        await salesWith((text) => text, change)
      } catch (error) {
        return (error as Error).message
      }
      return 'it was built'
    }
    const sql =
      'SELECT * FROM cart_items WHERE user = :user_id ORDER BY changed DESC, product LIMIT coalesce(:limit, 20)'
    const instead = (other: string) => (text: string) => text.replace(sql, other)
    assert.match(await problems(instead('DELETE FROM cart_items')), /CartItems\.OfUser: .*begins with DELETE/)
    assert.match(await problems(instead('SELECT :usr_id AS user FROM cart_items')), /no field usr_id.*:user_id/)
    assert.match(await problems(instead('SELECT 1; SELECT 2')), /CartItems\.OfUser: /)
    assert.match(await problems((text) => text.replace(' [(innkeeper.column) = {key: true}]', '')), /CartItems: .*key/)
    const { path, remove: away } = temporary()
    const host = await testHost(path)
    try {
      await deployed(host, await carts())
      const unknown = await salesWith((text) => text, instead('SELECT nothing AS user FROM cart_items'))
      const result = await host.deployer.deploy(unknown)
      assert.not(result.ok)
      assert.match(JSON.stringify(result), /CartItems\.OfUser: .*nothing/)
      assert.is((await http(host.listen, 'GET', '/sales/totals')).status, 404)
    } finally {
      await host.stop()
      away()
    }
  },
)

Views(
  '§view-13, §view-10: SQL of an operator reads all tables, entities and effects, and changes nothing',
  async () => {
    await world(async (host) => {
      await add(host, 'a', 'tea')
      await add(host, 'a', 'cup')
      await caughtUp(host)
      const sql = async (text: string) => (await http(host.admin, 'POST', '/v1/sql', { sql: text })).json
      const joined =
        'SELECT e.entity, e.events, count(*) FROM entities e JOIN cart_items i ON i.user = e.entity GROUP BY 1, 2'
      assert.equal((await sql(joined)).rows, [['a', 2, 2]])
      assert.equal((await sql('SELECT count(*) FROM effects')).rows, [[0]])
      for (const wrong of [
        'DELETE FROM cart_items',
        "ATTACH 'x' AS y",
        'PRAGMA user_version = 3',
        'SELECT load_extension(1)',
      ])
        assert.match((await sql(wrong)).message, /the statement/)
      assert.is((await sql('SELECT count(*) FROM cart_items')).rows[0][0], 2)
    })
  },
)

Views('§view-7: a view that is undeployed and deployed again at once is built anew, and has everything', async () => {
  await world(async (host) => {
    for (let at = 0; at < 20; at++) await add(host, `u${at}`, 'tea')
    await caughtUp(host)
    const before = await table(host)
    const service = host.services.get(view)!
    for (let round = 0; round < 5; round++) {
      host.services.change([], [view])
      host.services.change([service])
      await add(host, 'u0', 'tea')
      await until(async () => (await shown(host)) !== undefined)
      await caughtUp(host)
      assert.is(JSON.parse(await table(host)).length, JSON.parse(before).length)
    }
  })
})

Views('projection/views.V1, read-side.X1: a host without views has no folder for them, and no process', async () => {
  const { path, remove: away } = temporary()
  const host = await testHost(path)
  try {
    await deployed(host, await carts())
    await add(host, 'a', 'tea')
    assert.not(existsSync(join(path, 'views')))
    assert.equal((await http(host.admin, 'GET', '/v1/views')).json, { views: [], processes: { readers: [] } })
  } finally {
    await host.stop()
    away()
  }
})

Views('projection/views.V3: a query that names commits sees them', async () => {
  await world(async (host) => {
    await caughtUp(host)
    for (let at = 0; at < 30; at++) {
      await add(host, `u${at}`, 'tea')
      const token = host.feeds.map(({ feed }, partition) => `${partition}:${feed.end.commit}`).join()
      const { json } = await http(host.listen, 'GET', '/sales/totals', undefined, { 'x-innkeeper-after': token })
      assert.is(json.users, String(at + 1))
    }
    const wrong = await http(host.listen, 'GET', '/sales/totals', undefined, { 'x-innkeeper-after': 'now' })
    assert.is(wrong.status, 400)
  })
})

Views.run()
