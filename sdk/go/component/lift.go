//go:build wasip1

package component

import "innkeeper/internal/boundary"

// Lift: commands out of memory. Bytes are views of the call's memory, texts that a handler can see are copies.
//
//	command         64 bytes   method 0, payload 8, metadata 16, now-ms (f64) 24, seed (4 x u32) 32, principal (option) 48, unread
//	metadata-entry  20         name 0, value: case (u8) 8, text or bytes 12
//	typed           16         type-name 0, data 8

const (
	commandBytes = 64
	entryBytes   = 20
	typedBytes   = 16
)

// ViewAt and BytesAt read what a pair of pointer and length names.

func ViewAt(at uint32) string {
	return View(Get32(at), Get32(at+4))
}

func BytesAt(at uint32) []byte {
	return Bytes(Get32(at), Get32(at+4))
}

// Text is a copy.
func Text(at, length uint32) string {
	return string(Bytes(at, length))
}

// Metadata are copies: a context may be kept by whoever holds it.
func Metadata(at, length uint32) []boundary.Entry {
	if length == 0 {
		return nil
	}
	entries := make([]boundary.Entry, length)
	for i := range entries {
		entry := at + uint32(i)*entryBytes
		entries[i].Name = string(BytesAt(entry))
		if Get8(entry+8) == 0 {
			entries[i].Text = string(BytesAt(entry + 12))
		} else {
			entries[i].Data = append([]byte{}, BytesAt(entry+12)...)
		}
	}
	return entries
}

// Command at an address.
func Command(at uint32) boundary.Command {
	return boundary.Command{
		Method:   ViewAt(at),
		Payload:  BytesAt(at + 8),
		Metadata: Metadata(Get32(at+16), Get32(at+20)),
		Now:      GetFloat(at + 24),
		Seed:     [4]uint32{Get32(at + 32), Get32(at + 36), Get32(at + 40), Get32(at + 44)},
	}
}

// Commands of a list.
func Commands(at, length uint32) []boundary.Command {
	commands := make([]boundary.Command, length)
	for i := range commands {
		commands[i] = Command(at + uint32(i)*commandBytes)
	}
	return commands
}

// Events of a list.
func Events(at, length uint32) []boundary.Typed {
	events := make([]boundary.Typed, length)
	for i := range events {
		event := at + uint32(i)*typedBytes
		events[i] = boundary.Typed{Name: ViewAt(event), Data: BytesAt(event + 8)}
	}
	return events
}
