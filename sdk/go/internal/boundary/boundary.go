// Package boundary has what crosses the boundary between host and component, as plain Go values (wit/types.wit).
//
// Bytes of commands may lie in memory of the call: whoever keeps them copies them. Decoding does.
//
// Leaves to others: memory (package component), what a kind of service makes of a command (eventsourced, value, replicated,
// action).
package boundary

import "innkeeper/wire"

// Entry is one of the headers that come with a command or go with an answer. Names that end in -bin have Data, others Text.
type Entry struct {
	Name string
	Text string
	Data []byte
}

// Binary tells whether the value is Data.
func (e Entry) Binary() bool {
	return isBinary(e.Name)
}

// Call is a command for another service.
type Call struct {
	Service  string
	Method   string
	Payload  []byte
	Metadata []Entry
	// Entity is the one that the payload names, for the test kit. No part of the contract.
	Entity string
}

// Typed is a message with its full name: an event, or a detail of a refusal.
type Typed struct {
	Name string
	Data []byte
}

// TypedOf encodes a message.
func TypedOf(message wire.Message) Typed {
	return Typed{Name: message.ProtoName(), Data: wire.Encode(message)}
}

// TypedAll encodes messages, into a list that is given.
func TypedAll(messages []wire.Message, into []Typed) []Typed {
	for _, message := range messages {
		into = append(into, TypedOf(message))
	}
	return into
}

// Command is what a caller asks.
type Command struct {
	Method   string
	Payload  []byte
	Metadata []Entry
	// Now is in whole milliseconds since 1970.
	Now  float64
	Seed [4]uint32
}

// Code is the number of a google.rpc.Code.
type Code uint8

// Consistency is a number of innkeeper.crdt.v1.Consistency.
type Consistency uint8

// Failure is a refusal as the caller gets it.
type Failure struct {
	Code    Code
	Message string
	Details []Typed
}

// ReplyKind says what an outcome that is no failure answers.
type ReplyKind uint8

const (
	// ReplyMessage: the payload.
	ReplyMessage ReplyKind = iota
	// ReplyForward: whatever another command answers.
	ReplyForward
	// ReplyNone: nothing; only where nothing is due.
	ReplyNone
	// ReplyLater: when a later decision resolves a ticket.
	ReplyLater
)

// Outcome is the answer to a command, and what goes with it.
type Outcome struct {
	Failure  *Failure
	Reply    ReplyKind
	Payload  []byte
	Forward  Call
	Effects  []Effect
	Metadata []Entry
	// Logs is what was said on the way, be it to a refusal.
	Logs []Line
	// Ticket of ReplyLater, and the seconds that it is open; 0 is no such limit.
	Ticket  string
	WithinS uint32
	// Cancels are names of pending effects.
	Cancels  []string
	Resolves []Resolution
}

// Entries of one's own are checked: names are lower case, and -bin says what the value is.

// TextEntry panics for a name that ends in -bin.
func TextEntry(name, text string) Entry {
	name = lower(name)
	if isBinary(name) {
		panic("metadata " + name + ": names that end in -bin take bytes")
	}
	return Entry{Name: name, Text: text}
}

// DataEntry panics for a name that does not end in -bin.
func DataEntry(name string, data []byte) Entry {
	name = lower(name)
	if !isBinary(name) {
		panic("metadata " + name + ": only names that end in -bin take bytes")
	}
	return Entry{Name: name, Data: data}
}

// EntryNamed finds the first with a name, in any case.
func EntryNamed(entries []Entry, name string) (entry Entry, found bool) {
	name = lower(name)
	for _, entry := range entries {
		if entry.Name == name {
			return entry, true
		}
	}
	return Entry{}, false
}

func isBinary(name string) bool {
	return len(name) >= 4 && name[len(name)-4:] == "-bin"
}

func lower(name string) string {
	for i := 0; i < len(name); i++ {
		if 'A' <= name[i] && name[i] <= 'Z' {
			lowered := []byte(name)
			for j := i; j < len(lowered); j++ {
				if 'A' <= lowered[j] && lowered[j] <= 'Z' {
					lowered[j] += 'a' - 'A'
				}
			}
			return string(lowered)
		}
	}
	return name
}

// Begin is called before every command, event, step and the like. A component makes Go's own chance begin anew.
var Begin = func() {}
