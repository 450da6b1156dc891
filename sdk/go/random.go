package innkeeper

// random is a sequence that depends on nothing but the command's seed (sfc32, 128 bits of state).
//
// Same command, same numbers in every SDK. Not for secrets: whoever reads the journal knows the sequence.
type random struct {
	a, b, c, counter uint32
}

func newRandom(seed [4]uint32) *random {
	r := &random{seed[0], seed[1], seed[2], seed[3]}
	// sfc32 mixes the seed in over its first rounds.
	for round := 0; round < 12; round++ {
		r.word()
	}
	return r
}

// word is 32 bits.
func (r *random) word() uint32 {
	sum := r.a + r.b + r.counter
	r.counter++
	r.a = r.b ^ r.b>>9
	r.b = r.c + r.c<<3
	r.c = (r.c<<21 | r.c>>11) + sum
	return sum
}

// fraction is at least 0, below 1, with 53 bits.
func (r *random) fraction() float64 {
	high := r.word() >> 5
	low := r.word() >> 6
	return (float64(high)*67108864 + float64(low)) / 9007199254740992
}

func (r *random) bytes(length int) []byte {
	data := make([]byte, length)
	for i := range data {
		data[i] = byte(r.word() >> 24)
	}
	return data
}

// uuid is of version 4, RFC 9562.
func (r *random) uuid() string {
	const digits = "0123456789abcdef"
	data := r.bytes(16)
	data[6] = data[6]&0x0f | 0x40
	data[8] = data[8]&0x3f | 0x80
	text := make([]byte, 0, 36)
	for i, b := range data {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text = append(text, '-')
		}
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}
