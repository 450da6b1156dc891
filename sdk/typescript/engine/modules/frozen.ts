// Frozen values in the engine: bytes refuse a change like all else, so what is lent is the value itself.

import { native } from './native.ts'

export function deepFreeze<T>(value: T): T {
  return native.freeze(value)
}

export function startOver(): void {}

export function lent<T>(value: T): T {
  return value
}
