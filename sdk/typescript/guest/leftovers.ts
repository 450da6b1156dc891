// Leftovers: memory that loading has used and given back. `inn build` takes a picture of the memory, so what stands there would be
// in every component: 100 KB of a small one.

const largestBytes = 16 * 1024
const smallestBytes = 1024
const bytesOfEach = 64 * 1024

/** Overwrite what is free with zeros, which are not in the picture: new arrays are laid there. Last of all that is loaded. */
export function clearLeftovers(): void {
  for (let size = largestBytes; size >= smallestBytes; size /= 2) {
    const arrays: Uint8Array[] = []
    while (arrays.length < bytesOfEach / size) arrays.push(new Uint8Array(size))
  }
}
