// Grants: innkeeper.json of the shop: what its functions may ask of the provider at `url`.
//
// G1. Whatever may have happened is tried again under the same key: the provider does it once. What is still unknown after that, the shop asks again.

interface Tries {
  readonly timeoutMs: number
  readonly max: number
}

/** `payments`: tries of a charge or a refund; mails have as many as the host allows for. */
export function settings(url: string, payments: Tries = { timeoutMs: 5_000, max: 3 }): object {
  const services = ['examples.shop.*']
  const on = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 429, 503]
  // The provider is on this machine.
  const here = { url, services, private: true }
  return {
    connectors: {
      payments: {
        ...here,
        paths: ['/v1/charges', '/v1/charges/*'],
        timeoutMs: payments.timeoutMs,
        retry: { max: payments.max, on },
      },
      mail: { ...here, paths: ['/v1/messages'], timeoutMs: payments.timeoutMs, retry: { max: 10, on } },
    },
  }
}
