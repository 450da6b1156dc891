package innkeeper

import "innkeeper/internal/boundary"

// Logger says lines to the host's log: they go with the outcome of the command, a refusal too, and callers never see them.
// A handler's command is one: c.Info("text").
type Logger struct{}

// Log is for code without a command: a fold, a function of one's own. It says lines of the command that is being decided.
var Log Logger

// Debug says a line at this level.
func (Logger) Debug(text string) {
	boundary.Log(boundary.LevelDebug, text)
}

// Info says a line at this level.
func (Logger) Info(text string) {
	boundary.Log(boundary.LevelInfo, text)
}

// Warn says a line at this level.
func (Logger) Warn(text string) {
	boundary.Log(boundary.LevelWarn, text)
}

// Error says a line at this level.
func (Logger) Error(text string) {
	boundary.Log(boundary.LevelError, text)
}
