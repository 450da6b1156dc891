//go:build wasip1

package component

import (
	"runtime"
	"strconv"
	"strings"

	"innkeeper/internal/boundary"
)

// Fault: the words of a panic, where the host finds them after the trap (wit/types.wit).
//
//	| length u32 | UTF-8 text, at most 4096 bytes |     in memory that the generated main package gives to Serve
//
//   - The first line is `text at service.go:31 (tally.Add)`: the first place in the author's own code, its file as seen from go.mod.
//     The calls that led there follow, innermost first, up to where the SDK called the handler.
//   - What the runtime prints to standard error, the sealed WASI appends to the same text (host/build/wasi-stub.wat): why it gives up
//     where nothing can be recovered (a deadlock, memory that ended, a panic of another goroutine), and a panic's value that has no
//     words (a struct). Release empties it, so that it holds what this call said.

const (
	faultHead = 4
	// Of the panic's own words, so that the place has room beside them.
	saidMax   = 2048
	framesMax = 64
	callsMax  = 12
	sdkFolder = "innkeeper@"
)

var (
	fault []byte
	// Folders, as -trimpath names files: of the author's module, and of the package in it that is generated.
	ownFolder, generatedFolder string
)

// Tell is deferred by every export: a panic is told, and traps.
func Tell() {
	thrown := recover()
	if thrown == nil {
		return
	}
	words, has := wordsOf(thrown)
	if !has {
		tell("panic")
		// The runtime prints it, and traps.
		panic(thrown)
	}
	tell(words)
	trap()
}

// trap is in fault_wasm.s.
func trap()

func wordsOf(thrown any) (words string, has bool) {
	switch value := thrown.(type) {
	case error:
		return value.Error(), true
	case string:
		return value, true
	case interface{ String() string }:
		return value.String(), true
	}
	return "", false
}

func tell(words string) {
	calls, place := callsToHere()
	text, more := boundary.Start(words, saidMax), ""
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		text, more = text[:end], text[end:]
	}
	if place != "" {
		text += " at " + place
	}
	text += more
	for _, call := range calls {
		text += "\n  " + call
	}
	text += "\n"
	length := copy(fault[faultHead:], boundary.Start(text, len(fault)-faultHead))
	fault[0], fault[1] = byte(length), byte(length>>8)
}

// callsToHere are those that led to the panic, and the place of the first one in the author's own code.
func callsToHere() (calls []string, place string) {
	var counters [framesMax]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(0, counters[:])])
	panicked, found := false, false
	for more := true; more && len(calls) < callsMax; {
		var frame runtime.Frame
		frame, more = frames.Next()
		file := frame.File
		switch {
		case strings.HasPrefix(file, "runtime/"), strings.HasPrefix(file, "internal/runtime/"):
			// What is called before the panic is the telling of it.
			panicked = panicked || frame.Function == "runtime.gopanic"
			continue
		case !panicked, frame.Line <= 1:
			// The compiler's own are on the first line of no file.
			continue
		case found && strings.HasPrefix(file, sdkFolder):
			return calls, place
		}
		at := strings.TrimPrefix(file, ownFolder) + ":" + strconv.Itoa(frame.Line)
		calls = append(calls, frame.Function+" "+at)
		own := strings.HasPrefix(file, ownFolder) && !strings.HasPrefix(file, generatedFolder)
		if place == "" || own && !found {
			place, found = at+" ("+frame.Function[strings.LastIndexByte(frame.Function, '/')+1:]+")", own
		}
	}
	return calls, place
}
