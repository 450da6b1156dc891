// Console: what `console` and `trace` are in a service: words for the host's log. The build has them in the place of the language's.

import { addLine, Level } from './logs'

export namespace console {
  export function debug(message: string = ''): void {
    addLine(Level.Debug, message)
  }

  export function log(message: string = ''): void {
    addLine(Level.Info, message)
  }

  export function info(message: string = ''): void {
    addLine(Level.Info, message)
  }

  export function warn(message: string = ''): void {
    addLine(Level.Warn, message)
  }

  export function error(message: string = ''): void {
    addLine(Level.Error, message)
  }

  export function assert<T>(condition: T, message: string = ''): void {
    if (!condition) addLine(Level.Error, message == '' ? 'Assertion failed' : `Assertion failed: ${message}`)
  }
}

export function trace(
  message: string,
  n: i32 = 0,
  a0: f64 = 0,
  a1: f64 = 0,
  a2: f64 = 0,
  a3: f64 = 0,
  a4: f64 = 0,
): void {
  const numbers: StaticArray<f64> = [a0, a1, a2, a3, a4]
  let text = message
  for (let i = 0; i < min(n, 5); i++) text += ` ${numbers[i]}`
  addLine(Level.Debug, text)
}
