// The rules of profiles, without a host. Run by `inn build` first: it writes src/gen.
import { test } from 'node:test'
import { accept, remove, update } from '@innkeeper/sdk'
import { testKit } from '@innkeeper/sdk/testing'
import profiles from '../src/service.ts'

const { given } = testKit(profiles)
const ann = { user: 'ann', name: 'Ann', email: 'ann@example.com' }

test('what was put is fetched', () => {
  given().when('put', ann).then(update(ann), ann).when('fetch', { user: 'ann' }).then(accept(), ann)
})

test('putting again replaces the whole profile', () => {
  const renamed = { user: 'ann', name: 'Ann Lee', email: '' }
  given(ann).when('put', renamed).then(update(renamed), renamed).when('fetch', { user: 'ann' }).then(accept(), renamed)
})

test('what nobody put is not found', () => {
  given().when('fetch', { user: 'ann' }).refuses('NOT_FOUND', 'ann has no profile')
})

test('what was deleted is not found, may be deleted again, and put again', () => {
  given(ann)
    .when('delete', { user: 'ann' })
    .then(remove(), {})
    .when('fetch', { user: 'ann' })
    .refuses('NOT_FOUND')
    .when('delete', { user: 'ann' })
    .then(remove(), {})
    .when('put', ann)
    .then(update(ann), ann)
})
