package boundary

import "unicode/utf8"

// Log lines.
//
//   - A line belongs to a command: lines are gathered from BeginLines to TakeLines. What is said outside of that (a fold of
//     stored events, a look for elements) is dropped.
//   - An outcome has at most 100 lines and 16 KiB of text, since the host reads no more. What is over is not kept, so a loop
//     that logs cannot eat the memory.
//   - A command that says nothing costs no allocation.
//   - A component has one thread. Test kits let one command run at a time.

// Level of a line.
type Level uint8

const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

func (l Level) String() string {
	return [...]string{"debug", "info", "warn", "error"}[l]
}

// Line is what a service says to the host's log.
type Line struct {
	Level Level
	Text  string
}

const (
	linesMax     = 100
	lineBytesMax = 16 * 1024
)

var (
	lines []Line
	// Bytes of text that are still taken; 0 outside of a command.
	linesLeft int
)

// Show is told of each line at once, where a test kit wants to.
var Show func(line Line)

// Log says a line.
func Log(level Level, text string) {
	if Show != nil {
		Show(Line{level, text})
	}
	if linesLeft == 0 || len(lines) == linesMax {
		return
	}
	said := Start(text, linesLeft)
	linesLeft -= len(said)
	if len(said) < len(text) {
		// After a line that was cut there is none.
		linesLeft = 0
	}
	lines = append(lines, Line{level, said})
}

// Start is as much of a text as has room, in whole characters.
func Start(text string, room int) string {
	if len(text) <= room {
		return text
	}
	for room > 0 && !utf8.RuneStart(text[room]) {
		room--
	}
	return text[:room]
}

// BeginLines: a command begins.
func BeginLines() {
	lines, linesLeft = nil, lineBytesMax
}

// TakeLines are those since the command began, which is over.
func TakeLines() []Line {
	said := lines
	lines, linesLeft = nil, 0
	return said
}

// Again runs what was run before: its lines are shown already.
func Again(run func()) {
	show := Show
	Show = nil
	run()
	Show = show
}
