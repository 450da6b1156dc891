//go:build wasip1

// Package component is what the host calls: the functions of wit/*.wit under their names, over the canonical ABI. Each kind of
// service has its exports in a package of its own below, so that a component exports the kinds that it has and no others.
//
// Only the build imports it (gen/component/main.go).
//
// Leaves to others: what a service answers (eventsourced, value, replicated, action).
package component

import "unsafe"

// Memory of a call: what the host lowers, and what it lifts again.
//
//   - It lies in chunks without pointers, which the garbage collector neither moves nor looks into, and is given back as a
//     whole in post-return: nothing of a call outlives it, so memory does not grow with calls.
//   - Whatever an author can keep is a copy of its own (package wire copies texts and bytes): the arena holds no object of Go.
//   - Large answers are not copied: they stay where they are, and are pinned until post-return.

const (
	chunkBytes = 64 * 1024
	// A chunk beyond this is dropped again after its call.
	keptBytes = 1024 * 1024
	// From here on a list of bytes is pinned, not copied.
	pinnedFrom = 4096
)

var arena struct {
	chunk []uint64
	// Offset of what is free, in bytes.
	at   uint32
	full [][]uint64
	pins [][]byte
}

//go:wasmexport cabi_realloc
func realloc(old, oldSize, align, size uint32) uint32 {
	if size == 0 {
		return align
	}
	at := Allocate(size)
	if old != 0 && oldSize > 0 {
		copy(Bytes(at, size), Bytes(old, oldSize))
	}
	return at
}

// Allocate memory of the call, aligned to 8. What is in it is not clean.
func Allocate(size uint32) uint32 {
	size = (size + 7) &^ 7
	if size > uint32(len(arena.chunk))*8-arena.at {
		grow(size)
	}
	at := address(unsafe.Pointer(unsafe.SliceData(arena.chunk))) + arena.at
	arena.at += size
	return at
}

func grow(size uint32) {
	if len(arena.chunk) > 0 {
		arena.full = append(arena.full, arena.chunk)
	}
	arena.chunk = make([]uint64, max(size, chunkBytes)/8)
	arena.at = 0
}

// Release is post-return: the call's memory is free again.
func Release() {
	arena.at = 0
	arena.full = nil
	if len(arena.chunk)*8 > keptBytes {
		arena.chunk = nil
	}
	clear(arena.pins)
	arena.pins = arena.pins[:0]
	clear(fault[:faultHead])
}

func address(p unsafe.Pointer) uint32 {
	return uint32(uintptr(p))
}

func pointer(at uint32) unsafe.Pointer {
	return unsafe.Pointer(uintptr(at))
}

// Bytes in memory, not a copy.
func Bytes(at, length uint32) []byte {
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(at)), length)
}

// View of a text in memory, not a copy: for names that are only compared.
func View(at, length uint32) string {
	if length == 0 {
		return ""
	}
	return unsafe.String((*byte)(pointer(at)), length)
}

func Get32(at uint32) uint32 {
	return *(*uint32)(pointer(at))
}

func Get8(at uint32) uint8 {
	return *(*uint8)(pointer(at))
}

func GetFloat(at uint32) float64 {
	return *(*float64)(pointer(at))
}

func putFloat(at uint32, value float64) {
	*(*float64)(pointer(at)) = value
}

func Put32(at, value uint32) {
	*(*uint32)(pointer(at)) = value
}

func Put8(at uint32, value uint8) {
	*(*uint8)(pointer(at)) = value
}

func PutBool(at uint32, value bool) {
	if value {
		Put8(at, 1)
	} else {
		Put8(at, 0)
	}
}

// PutPair puts a pointer and a length.
func PutPair(at, where uint32, length int) {
	Put32(at, where)
	Put32(at+4, uint32(length))
}

// PutBytes puts a list of bytes.
func PutBytes(at uint32, data []byte) {
	if len(data) == 0 {
		PutPair(at, 1, 0)
		return
	}
	if len(data) >= pinnedFrom {
		arena.pins = append(arena.pins, data)
		PutPair(at, address(unsafe.Pointer(unsafe.SliceData(data))), len(data))
		return
	}
	where := Allocate(uint32(len(data)))
	copy(Bytes(where, uint32(len(data))), data)
	PutPair(at, where, len(data))
}

// PutText puts a string. What is not UTF-8 is the host's to refuse.
func PutText(at uint32, text string) {
	PutBytes(at, unsafe.Slice(unsafe.StringData(text), len(text)))
}

// PutOptionalText puts an option of a string; "" is none.
func PutOptionalText(at uint32, text string) {
	PutBool(at, text != "")
	if text != "" {
		PutText(at+4, text)
	}
}

// PutOptionalBytes puts an option of a list; nil is none.
func PutOptionalBytes(at uint32, data []byte) {
	PutBool(at, data != nil)
	if data != nil {
		PutBytes(at+4, data)
	}
}
