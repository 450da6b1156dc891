// Forbidden in AssemblyScript: what a service has not, found among the imports of what was compiled, and what to use instead.

/** What compiled code imports where a program asks for what a guest has not, and what to use instead. */
export const instead: Readonly<Record<string, string>> = {
  'env.seed': 'Math.random is not available in a service: use context.random()',
  'env.Date.now': 'Date.now is not available in a service: use context.now',
}
