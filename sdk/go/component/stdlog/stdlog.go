//go:build wasip1

// Package stdlog brings what the standard library's log says to the host's log, at the level info. The build imports it where the
// program has log: the SDK itself does without, since log is 0.8 MB.
package stdlog

import (
	"log"
	"strings"

	"innkeeper/internal/boundary"
)

func init() {
	Redirect()
}

// Redirect the standard logger.
func Redirect() {
	// The host knows the time.
	log.SetFlags(0)
	log.SetOutput(lines{})
}

// lines are what the logger writes: one a call.
type lines struct{}

func (lines) Write(line []byte) (int, error) {
	boundary.Log(boundary.LevelInfo, strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}
