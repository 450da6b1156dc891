// Fuel: how what a guest may spend is counted. The words that metering (deploy/meter.ts) and running (instance.ts) share.
//
// The counter counts ticks, `ticksPerUnit` to a unit of `limits.fuelPerCommand`, so that a simple instruction can cost less
// than a unit and every check subtracts a whole number. Weights of instructions in ticks: deploy/weights.ts.

/** Where metered modules import their counter from; no module may import anything else from there. */
export const fuelImport = { module: 'innkeeper:fuel', name: 'left' } as const

export const ticksPerUnit = 8

/** The counter has 32 bits with a sign; below zero means out of fuel. */
export const ticksMax = 2 ** 31 - 1

/** What the counter can hold, in units. */
export const unitsMax = ticksMax / ticksPerUnit

export function ticksOf(units: number): number {
  return Math.min(units * ticksPerUnit, ticksMax)
}

/** Times `fuelPerCommand` for one call, of one command or of a batch. A batch may need more than one of its commands, and one alone
 *  may have much to say: its output is paid like its input. The counter ends at 268 million units, whatever the setting. */
const callFactor = 4

/** Units that one call has, besides what long input brings (lower.ts W4). */
export function fuelOfCall({ fuelPerCommand }: { readonly fuelPerCommand: number }): number {
  return Math.min(fuelPerCommand * callFactor, unitsMax)
}
