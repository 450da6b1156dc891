// Guards the export of the memory for words of a fault: it is found by its magic, wherever the compiler put it, and only once.
import { parse } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { exportFault, faultAddress } from '../../host/build/fault-export.ts'

const FaultExport = suite('fault-export')

const magic = Buffer.from('b9e4a1c35f8d7726d3fa9b6481ce5739', 'hex')
const quoted = Array.from(magic, (byte) => `\\${byte.toString(16)}`).join('')

const moduleOf = (fields: string): Promise<Uint8Array> =>
  parse(`(module (memory (export "memory") 2) (global $own (export "own") i64 (i64.const -1)) ${fields})`)

function started(core: Uint8Array, imports: Record<string, Record<string, WebAssembly.ImportValue>> = {}) {
  return new WebAssembly.Instance(new WebAssembly.Module(core), imports).exports
}

FaultExport('the global has the address behind the magic, and what was exported still is', async () => {
  for (const [fields, expected] of [
    [`(data (i32.const 0) "x${quoted}\\03\\00\\00\\00boo")`, 17],
    [`(data (i32.const 63) "${quoted}\\03\\00\\00\\00boo")`, 79],
    [`(data (i32.const 64) "${quoted}\\03\\00\\00\\00boo")`, 80],
    [`(data "passive") (data (i32.const 8) "x") (data (i32.const 100000) "${quoted}\\03\\00\\00\\00boo")`, 100_016],
  ] as const) {
    const core = await moduleOf(fields)
    assert.is(faultAddress(core, magic), expected)
    const exports = started(exportFault(core, magic))
    const fault = exports['innkeeper_fault'] as WebAssembly.Global
    assert.is(fault.value, expected)
    assert.throws(() => {
      fault.value = 0
    }, /immutable/)
    assert.is((exports['own'] as WebAssembly.Global).value, -1n)
    const text = Buffer.from((exports['memory'] as WebAssembly.Memory).buffer, expected, 7)
    assert.is(text.toString('latin1'), '\x03\0\0\0boo')
  }
})

FaultExport('globals that are imported count', async () => {
  const core = await parse(
    `(module (import "a" "b" (global (mut i32))) (memory 1) (data (i32.const 256) "${quoted}") (func (export "f")))`,
  )
  const exports = started(exportFault(core, magic), {
    a: { b: new WebAssembly.Global({ value: 'i32', mutable: true }, 7) },
  })
  assert.is((exports['innkeeper_fault'] as WebAssembly.Global).value, 272)
  assert.type(exports['f'], 'function')
})

FaultExport('none, two, and data at an address that is not known are told', async () => {
  const none = await moduleOf('(data (i32.const 0) "x")')
  assert.throws(() => exportFault(none, magic), /is in the data 0 times, not once/)
  const passive = await moduleOf(`(data "${quoted}")`)
  assert.throws(() => exportFault(passive, magic), /is in the data 0 times, not once/)
  const two = await moduleOf(`(data (i32.const 0) "${quoted}${quoted}")`)
  assert.throws(() => exportFault(two, magic), /is in the data 2 times, not once/)
  const somewhere = await parse(`(module (import "a" "b" (global $at i32)) (memory 1) (data (global.get $at) "x"))`)
  assert.throws(() => exportFault(somewhere, magic), /at an address that is no constant/)
})

FaultExport.run()
