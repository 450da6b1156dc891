// Date: the calendar without the clock. What a service gets for `Date`, in a component and in the test kit while a handler runs.
//
// D1. A date is made of explicit arguments, `new Date(context.now)` say; asking for the present throws with the way out.
// D2. Local time is UTC, on every machine. The engine knows no other; the test kit sees to it (testing/purity.ts).

import { forbiddenMessage } from './forbidden.ts'

const way = 'use context.now'

function refuse(name: string): never {
  throw new TypeError(forbiddenMessage(name, way))
}

/** The constructor that stands for another one: the same dates, but none of now. */
export function withoutNow(real: DateConstructor): DateConstructor {
  function PureDate(this: unknown, ...parts: readonly unknown[]): Date {
    if (new.target === undefined) return refuse('Date()')
    if (parts.length === 0) return refuse('new Date()')
    return Reflect.construct(real, parts, new.target === (PureDate as unknown) ? real : new.target) as Date
  }
  Object.defineProperty(PureDate, 'name', { value: 'Date' })
  Object.defineProperty(PureDate, 'prototype', { value: real.prototype, writable: false })
  return Object.assign(PureDate, {
    UTC: real.UTC,
    parse: real.parse,
    now: () => refuse('Date.now'),
  }) as unknown as DateConstructor
}
