//! Random: a sequence that depends on nothing but the command's seed (sfc32, 128 bits of state), the same in all SDKs.
//!
//! Same command, same numbers, so a decision can be made again from the journal. Not for secrets: whoever reads the journal
//! knows the sequence.

pub(crate) type Seed = [u32; 4];

#[derive(Clone, Copy)]
pub(crate) struct Random {
    a: u32,
    b: u32,
    c: u32,
    counter: u32,
}

impl Random {
    pub(crate) fn new([a, b, c, counter]: Seed) -> Random {
        let mut random = Random { a, b, c, counter };
        // sfc32 mixes the seed in over its first rounds.
        for _ in 0..12 {
            random.word();
        }
        random
    }

    pub(crate) fn word(&mut self) -> u32 {
        let sum = self.a.wrapping_add(self.b).wrapping_add(self.counter);
        self.counter = self.counter.wrapping_add(1);
        self.a = self.b ^ (self.b >> 9);
        self.b = self.c.wrapping_add(self.c << 3);
        self.c = self.c.rotate_left(21).wrapping_add(sum);
        sum
    }

    /// At least 0, below 1, 53 bits.
    pub(crate) fn fraction(&mut self) -> f64 {
        let high = f64::from(self.word() >> 5);
        (high * 67_108_864.0 + f64::from(self.word() >> 6)) / 9_007_199_254_740_992.0
    }

    pub(crate) fn byte(&mut self) -> u8 {
        (self.word() >> 24) as u8
    }

    /// Version 4, RFC 9562.
    pub(crate) fn uuid(&mut self) -> String {
        let mut bytes = [0u8; 16];
        bytes.fill_with(|| self.byte());
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (index, byte) in bytes.into_iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        text
    }
}
