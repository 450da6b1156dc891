// Random: chance out of the seed of a command: sfc32, which mixes the seed in over its first rounds. The numbers of every SDK.

struct Random {
  private var a: UInt32
  private var b: UInt32
  private var c: UInt32
  private var counter: UInt32

  init(seed: (UInt32, UInt32, UInt32, UInt32)) {
    (a, b, c, counter) = seed
    for _ in 0..<12 { _ = word() }
  }

  mutating func word() -> UInt32 {
    let sum = a &+ b &+ counter
    counter = counter &+ 1
    a = b ^ (b >> 9)
    b = c &+ (c << 3)
    c = (c << 21 | c >> 11) &+ sum
    return sum
  }
}
