// Guards what is said of commits: one number of a partition, the highest, and one object for what is the same.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Commits, Newest, together } from '../host/commits.ts'

const CommitsSuite = suite('commits')

CommitsSuite('commits.C1: of each partition the highest number, in the order of partitions', () => {
  const [a, b, c] = [new Commits(2, 7), new Commits(0, 5), new Commits(2, 9)]
  const all = together(together(a, b), c)!
  assert.is(all.text, '0:5,2:9')
  assert.is(together(all, new Commits(1, 1))!.text, '0:5,1:1,2:9')
  assert.is(together(new Commits(0, 6), all)!.text, '0:6,2:9')
})

CommitsSuite('commits.C2: what tells of no more is the same object', () => {
  const both = together(new Commits(0, 5), new Commits(1, 5))!
  assert.is(together(both, undefined), both)
  assert.is(together(undefined, both), both)
  assert.is(together(both, new Commits(1, 4)), both)
  assert.is(together(new Commits(1, 5), both), both)
  assert.is(together(undefined, undefined), undefined)
  let last = 3
  const newest = new Newest(4, { lastCommit: () => last })
  assert.is(newest.commits, newest.commits)
  assert.is(newest.commits.text, '4:3')
  last = 8
  assert.is(newest.commits.text, '4:8')
})

CommitsSuite.run()
