// Component of views: keys and project (wit/view.wit).
//
//   change   64 bytes   service 0, entity 8, sequence (f64) 16, at-ms (f64) 24, what: case (u8) 32, typed 36; keys 52
//   put      20         key 0, row (option) 8

import { Bytes } from '../bytes'
import { bytesAt } from '../command'
import { putBytes, putPair, putText } from '../lower'
import { allocate } from '../memory'
import { Came, Change, Put, viewNamed, What } from '../view'

const changeBytes: usize = 64
const rowBytes: usize = 20

function changesOf(at: usize, count: i32): Came[] {
  const changes: Came[] = []
  for (let i = 0; i < count; i++) {
    const change = at + <usize>i * changeBytes
    const what = load<u8>(change, 32)
    const keys: string[] = []
    const list = load<usize>(change, 52)
    for (let k = 0; k < load<i32>(change, 56); k++) keys.push(bytesAt(list + <usize>k * 8).toString())
    changes.push(
      new Came(
        new Change(
          bytesAt(change).toString(),
          bytesAt(change + 8).toString(),
          <u64>load<f64>(change, 16),
          <u64>load<f64>(change, 24),
        ),
        what,
        what == What.Deleted ? '' : bytesAt(change + 36).toString(),
        what == What.Deleted ? Bytes.empty() : bytesAt(change + 44),
        keys,
      ),
    )
  }
  return changes
}

export function viewKeys(view: usize, viewLength: i32, changes: usize, count: i32): usize {
  const lists = viewNamed(new Bytes(view, viewLength)).__keys(changesOf(changes, count))
  const answer = allocate(8)
  const base = allocate(<usize>lists.length * 8)
  for (let i = 0; i < lists.length; i++) {
    const keys = lists[i]
    const list = allocate(<usize>keys.length * 8)
    for (let k = 0; k < keys.length; k++) putText(list + <usize>k * 8, keys[k])
    putPair(base + <usize>i * 8, list, keys.length)
  }
  putPair(answer, base, lists.length)
  return answer
}

export function viewProject(
  view: usize,
  viewLength: i32,
  changes: usize,
  count: i32,
  rows: usize,
  rowCount: i32,
): usize {
  const before: Put[] = []
  for (let i = 0; i < rowCount; i++) {
    const row = rows + <usize>i * rowBytes
    before.push(new Put(bytesAt(row).toString(), load<u8>(row, 8) == 0 ? null : bytesAt(row + 12)))
  }
  const lists = viewNamed(new Bytes(view, viewLength)).__project(changesOf(changes, count), before)
  const answer = allocate(8)
  const base = allocate(<usize>lists.length * 8)
  for (let i = 0; i < lists.length; i++) putRows(base + <usize>i * 8, lists[i])
  putPair(answer, base, lists.length)
  return answer
}

function putRows(at: usize, puts: Put[]): void {
  const list = allocate(<usize>puts.length * rowBytes)
  for (let i = 0; i < puts.length; i++) {
    const put = list + <usize>i * rowBytes
    const row = puts[i].row
    putText(put, puts[i].key)
    store<u8>(put, row === null ? 0 : 1, 8)
    if (row !== null) putBytes(put + 12, row)
  }
  putPair(at, list, puts.length)
}
