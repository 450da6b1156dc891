//go:build wasip1

// Package stdslog brings what the standard library's log/slog says to the host's log, at its level. The build imports it where the
// program has log/slog.
package stdslog

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"time"

	"innkeeper/component/stdlog"
	"innkeeper/internal/boundary"
)

func init() {
	into := new(bytes.Buffer)
	text := slog.NewTextHandler(into, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutLevel})
	slog.SetDefault(slog.New(handler{text, into}))
	// Which took the standard logger for its own.
	stdlog.Redirect()
}

// handler writes a record as slog's own for texts does, and makes a line of it.
type handler struct {
	slog.Handler
	into *bytes.Buffer
}

func (h handler) Handle(c context.Context, record slog.Record) error {
	// The host knows the time; a record without one does not show it.
	record.Time = time.Time{}
	h.into.Reset()
	if err := h.Handler.Handle(c, record); err != nil {
		return err
	}
	boundary.Log(levelOf(record.Level), strings.TrimSuffix(h.into.String(), "\n"))
	return nil
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.into}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.into}
}

func levelOf(level slog.Level) boundary.Level {
	switch {
	case level < slog.LevelInfo:
		return boundary.LevelDebug
	case level < slog.LevelWarn:
		return boundary.LevelInfo
	case level < slog.LevelError:
		return boundary.LevelWarn
	}
	return boundary.LevelError
}

// withoutLevel: the line has it. An attribute of the author's that has its name stays.
func withoutLevel(groups []string, attr slog.Attr) slog.Attr {
	if _, is := attr.Value.Any().(slog.Level); is && attr.Key == slog.LevelKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return attr
}
