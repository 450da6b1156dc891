//go:build wasip1

package component

import (
	"unsafe"

	"innkeeper/internal/boundary"
)

// Chance of Go's own: where a range over a map begins, the seeds of maps, math/rand. It starts from a constant (the sealed WASI
// has no other), but goes on from call to call, so a warm instance would differ from a fresh one (law L4). It begins anew with
// every command.
//
// The build refuses ranging over maps in the author's module; this is for what it does not see: dependencies, the standard
// library. A map that is part of a state still has another order when it was decoded than when it grew.
//
// The generator is a field of the runtime's only thread, where it is found once by what it gives next. If a Go version has it
// elsewhere, nothing is changed, and test/build/go.test.ts says so.

//go:linkname rand runtime.rand
func rand() uint64

// Reached by the linker's flag -checklinkname=0, which the build gives.
//
//go:linkname m0 runtime.m0
var m0 byte

const (
	// internal/chacha8rand.State: a block of 32 numbers, the seed, where in the block it is; then the runtime's cheaper one.
	blockWords = 32
	stateWords = blockWords + 4 + 2 + 1
	// How much of the thread is looked through.
	searchedWords = 1024
)

var (
	chance    *[stateWords]uint64
	beginning [stateWords]uint64
)

func init() {
	// Two numbers may be of two blocks; those after them are of one.
	for attempts := 0; attempts < 3 && chance == nil; attempts++ {
		find()
	}
}

func find() {
	thread := (*[searchedWords]uint64)(unsafe.Pointer(&m0))
	before := *thread
	first, second := rand(), rand()
	for i := 0; i+stateWords < searchedWords; i++ {
		if before[i] != first || before[i+1] != second {
			continue
		}
		// The block begins up to 30 words before; the position behind it has counted to here.
		for start := max(0, i-blockWords+2); start <= i; start++ {
			if uint32(before[start+blockWords+4]) == uint32(i-start) {
				chance = (*[stateWords]uint64)(unsafe.Pointer(&thread[start]))
				copy(beginning[:], before[start:])
				boundary.Begin = begin
				return
			}
		}
	}
}

func begin() {
	*chance = beginning
}
