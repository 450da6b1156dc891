// Fuel: how what a guest may spend is counted. The words that metering (deploy/meter.ts) and running (instance.ts) share.
//
// The counter counts ticks, `ticksPerUnit` to a unit of `limits.fuelPerCommand`, so that a simple instruction can cost less
// than a unit and every check subtracts a whole number. Weights of instructions in ticks: deploy/weights.ts.

/** Where metered modules import their counter from; no module may import anything else from there. */
export const fuelImport = { module: 'innkeeper:fuel', name: 'left' } as const

export const ticksPerUnit = 8

/** The counter has 32 bits with a sign; below zero means out of fuel. */
export const ticksMax = 2 ** 31 - 1

export function ticksOf(units: number): number {
  return Math.min(units * ticksPerUnit, ticksMax)
}
