// Fuel: how what a guest may spend is counted. The words that metering (wasm/meter.ts) and running (instance.ts) share.
//
// The counter counts ticks, `ticksPerUnit` to a unit of `limits.fuelPerCommand`, so that a simple instruction can cost less
// than a unit and every check subtracts a whole number. Weights of instructions in ticks: wasm/weights.ts.

/** Where metered modules import their counter from; no module may import anything else from there. */
export const fuelImport = { module: 'innkeeper:fuel', name: 'left' } as const

export const ticksPerUnit = 8

/** Units that a counter holds: whole ticks that are a safe number. */
export const unitsMax = Math.floor(Number.MAX_SAFE_INTEGER / ticksPerUnit)

/** Units that one call may have altogether: what it begins with, and what long input brings (lower.W4). */
export function fuelMaxOfCall({ fuelPerCommand, fuelPerCallMax }: FuelLimits): number {
  return Math.max(fuelPerCommand, fuelPerCallMax)
}

interface FuelLimits {
  readonly fuelPerCommand: number
  readonly fuelPerCallMax: number
}

/** The counter of one instance: 64 bits with a sign, below zero once something was asked for that nothing was left to pay for. */
export class FuelCounter {
  readonly global = new WebAssembly.Global({ value: 'i64', mutable: true }, 0n)
  private lastUnits = 0
  private lastTicks = 0n

  get units(): number {
    return Number(this.global.value) / ticksPerUnit
  }

  /** Fills it. Calls have the same amount one after the other, so the number is made once. */
  set units(units: number) {
    if (units !== this.lastUnits) {
      this.lastUnits = units
      this.lastTicks = BigInt(Math.round(units * ticksPerUnit))
    }
    this.global.value = this.lastTicks
  }

  add(units: number): void {
    this.global.value = (this.global.value as bigint) + BigInt(Math.round(units * ticksPerUnit))
  }
}
