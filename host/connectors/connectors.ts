// Placeholder until the branch `world` is merged.
import type { Outside } from './connector.ts'
export function connectors(_: unknown): Outside {
  return {
    enter: () => 1000,
    refused: () => 'nothing is granted',
    call() {},
    reload: () => [],
    missing: () => [],
    figures: () => [],
    granted: () => [],
    close() {},
  }
}
