// Memory: one arena for a call. What a call allocates, arguments and answers included, is gone when the host has read it.
//
// M1. What was made at start (module-level values) lies below the mark and stays; all above is dropped by `release`.
// M2. A call begins where the one before began, so memory is flat over any number of calls.
//
// Built on `--runtime stub`, a bump allocator whose blocks carry their size in the word before them, and whose `free` takes
// the last block back. Leaves to others: growing and its limit (the runtime, the host).

const headerBytes: usize = sizeof<usize>()

let mark: usize = 0

/** Once, after every module-level statement. */
export function setMark(): void {
  mark = heap.alloc(1)
}

/** After every call, with its answer. The block at the mark is stretched over all that came later, and given back as one. */
export function release(answer: usize): void {
  const last = heap.alloc(1)
  store<usize>(mark - headerBytes, last + load<usize>(last - headerBytes) - mark)
  heap.free(mark)
}

/** Aligned to 16. Nothing for 0 bytes: what points to it is never read. */
export function allocate(size: usize): usize {
  return size == 0 ? 16 : heap.alloc(size)
}

/** The canonical ABI's allocator: the host puts arguments here. */
export function cabi_realloc(pointer: usize, oldSize: usize, align: usize, newSize: usize): usize {
  if (newSize == 0) return align
  const moved = heap.alloc(newSize)
  if (oldSize != 0) memory.copy(moved, pointer, min(oldSize, newSize))
  return moved
}
