package wire

import (
	"cmp"
	"math"
	"slices"
	"unicode/utf8"
)

// Writing is appending. Same value, same bytes: NaN has one form, maps are written in ascending order of their keys.

func AppendUint64(b []byte, v uint64) []byte {
	for v > 127 {
		b = append(b, byte(v)|128)
		v >>= 7
	}
	return append(b, byte(v))
}

func AppendUint32(b []byte, v uint32) []byte {
	return AppendUint64(b, uint64(v))
}

// AppendInt32 writes a negative number as the 64-bit one, as protobuf has it.
func AppendInt32(b []byte, v int32) []byte {
	return AppendUint64(b, uint64(int64(v)))
}

func AppendInt64(b []byte, v int64) []byte {
	return AppendUint64(b, uint64(v))
}

func AppendSint32(b []byte, v int32) []byte {
	return AppendUint32(b, uint32(v<<1)^uint32(v>>31))
}

func AppendSint64(b []byte, v int64) []byte {
	return AppendUint64(b, uint64(v<<1)^uint64(v>>63))
}

func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func AppendFixed32(b []byte, v uint32) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func AppendFixed64(b []byte, v uint64) []byte {
	return AppendFixed32(AppendFixed32(b, uint32(v)), uint32(v>>32))
}

func AppendSfixed32(b []byte, v int32) []byte {
	return AppendFixed32(b, uint32(v))
}

func AppendSfixed64(b []byte, v int64) []byte {
	return AppendFixed64(b, uint64(v))
}

func AppendFloat(b []byte, v float32) []byte {
	if v != v {
		return AppendFixed32(b, 0x7fc00000)
	}
	return AppendFixed32(b, math.Float32bits(v))
}

func AppendDouble(b []byte, v float64) []byte {
	if v != v {
		return AppendFixed64(b, 0x7ff8000000000000)
	}
	return AppendFixed64(b, math.Float64bits(v))
}

// AppendString panics for what is not UTF-8: a Go string may be anything, a protobuf string may not.
func AppendString(b []byte, v string) []byte {
	if !utf8.ValidString(v) {
		panic("a field of type string cannot hold what is not UTF-8; bytes can")
	}
	b = AppendUint64(b, uint64(len(v)))
	return append(b, v...)
}

func AppendBytes(b []byte, v []byte) []byte {
	b = AppendUint64(b, uint64(len(v)))
	return append(b, v...)
}

// Close writes the length of what follows `start` before it, where one byte was left for it; most messages need no more.
func Close(b []byte, start int) []byte {
	length := len(b) - start
	if length < 128 {
		b[start-1] = byte(length)
		return b
	}
	var prefix [10]byte
	written := AppendUint64(prefix[:0], uint64(length))
	b = append(b, written[1:]...)
	copy(b[start-1+len(written):], b[start:start+length])
	copy(b[start-1:], written)
	return b
}

// IsZero32 and IsZero64 tell which numbers are left out: 0, not -0.
func IsZero32(v float32) bool { return math.Float32bits(v) == 0 }

func IsZero64(v float64) bool { return math.Float64bits(v) == 0 }

// SortedKeys has the keys of a map in ascending order, texts in that of their bytes.
func SortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// SortedBools is SortedKeys for what Go has no order of.
func SortedBools[V any](m map[bool]V) []bool {
	keys := make([]bool, 0, 2)
	for _, key := range [...]bool{false, true} {
		if _, has := m[key]; has {
			keys = append(keys, key)
		}
	}
	return keys
}

// Encode is ProtoAppend to bytes that most messages fit: growing from nothing would cost an allocation for each doubling.
func Encode(message Message) []byte {
	return message.ProtoAppend(make([]byte, 0, 15))
}
