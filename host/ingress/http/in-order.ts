// In order: what comes on one connection goes on in the order in which it came, also where one of it has to wait.

/** By connection: settles once what came before has gone on. Never rejects. */
const last = new WeakMap<object, Promise<void>>()

/** `then` with what was made, or `failed`, is called at once where nothing has to wait. What `then` throws goes to `failed`. */
export function inOrder<T extends object>(
  connection: object,
  made: T | Promise<T>,
  then: (made: T) => void,
  failed: (error: unknown) => void,
): void {
  const before = last.get(connection)
  if (before === undefined && !(made instanceof Promise)) {
    then(made)
    return
  }
  const turn = waited(before, made, then).catch(failed)
  last.set(connection, turn)
  void turn.then(() => {
    if (last.get(connection) === turn) last.delete(connection)
  })
}

async function waited<T>(
  before: Promise<void> | undefined,
  made: T | Promise<T>,
  then: (made: T) => void,
): Promise<void> {
  // Both, or a failure of the one would go unheard while the other is waited for.
  const [it] = await Promise.allSettled([made, before])
  if (it.status === 'rejected') throw it.reason
  then(it.value)
}
