//go:build wasip1

package component

import "innkeeper/internal/boundary"

// Lower: answers into memory, laid out as the canonical ABI has it (wit/*.wit; 32-bit memory, UTF-8).
//
//	string, list    8 bytes   pointer 0, length 4          option<string>  12   present (u8) 0, string 4
//	typed          16         type-name 0, data 8          metadata-entry  20   name 0, case (u8) 8, value 12
//	call           32         service 0, method 8, payload 16, metadata 24
//	effect        104         call 0, synchronous (u8) 32, due: case (u8) 40, milliseconds (f64) 48; name (option) 56,
//	                          answer (option) 68: method 72, note 80; within: present (u8) 88, milliseconds (f64) 96
//	log-line       12         level (u8) 0, text 4
//	outcome        80         answer 0, effects 40, metadata 48, logs 56, cancels 64, resolves 72; answer: ok or err (u8) 0, then at 4
//	                          reply: case (u8) 0, list, call or deferred 4; or failure: code (u8) 0, message 4, details 12
//	deferred       16         ticket 0, within: present (u8) 8, seconds 12
//	resolution     48         ticket 0, method 8, answer: ok or err (u8) 16, list or failure 20; metadata 40
//
// The memory is not clean: every byte that a case reads is written.

const (
	callBytes       = 32
	effectBytes     = 104
	lineBytes       = 12
	resolutionBytes = 48
)

// OutcomeBytes is the size of an outcome.
const OutcomeBytes = 80

// PutOutcome of a command.
func PutOutcome(at uint32, outcome *boundary.Outcome) {
	answer := at + 4
	if failure := outcome.Failure; failure != nil {
		Put8(at, 1)
		putFailure(answer, failure)
	} else {
		Put8(at, 0)
		Put8(answer, uint8(outcome.Reply))
		switch outcome.Reply {
		case boundary.ReplyMessage:
			PutBytes(answer+4, outcome.Payload)
		case boundary.ReplyForward:
			putCall(answer+4, &outcome.Forward)
		case boundary.ReplyLater:
			PutText(answer+4, outcome.Ticket)
			PutBool(answer+12, outcome.WithinS != 0)
			Put32(answer+16, outcome.WithinS)
		}
	}
	putEffects(at+40, outcome.Effects)
	putMetadata(at+48, outcome.Metadata)
	putLogs(at+56, outcome.Logs)
	PutNames(at+64, outcome.Cancels)
	putResolves(at+72, outcome.Resolves)
}

func putFailure(at uint32, failure *boundary.Failure) {
	Put8(at, uint8(failure.Code)-1)
	PutText(at+4, failure.Message)
	PutTyped(at+12, failure.Details)
}

// PutTyped puts a list of messages with their names.
func PutTyped(at uint32, list []boundary.Typed) {
	base := allocateList(len(list), typedBytes)
	for i := range list {
		item := base + uint32(i)*typedBytes
		PutText(item, list[i].Name)
		PutBytes(item+8, list[i].Data)
	}
	PutPair(at, base, len(list))
}

func putCall(at uint32, call *boundary.Call) {
	PutText(at, call.Service)
	PutText(at+8, call.Method)
	PutBytes(at+16, call.Payload)
	putMetadata(at+24, call.Metadata)
}

func putEffects(at uint32, effects []boundary.Effect) {
	base := allocateList(len(effects), effectBytes)
	for i := range effects {
		putEffect(base+uint32(i)*effectBytes, &effects[i])
	}
	PutPair(at, base, len(effects))
}

func putEffect(at uint32, effect *boundary.Effect) {
	putCall(at, &effect.Call)
	PutBool(at+callBytes, effect.Synchronous)
	Put8(at+40, uint8(effect.Due))
	putFloat(at+48, effect.DueMs)
	PutOptionalText(at+56, effect.Name)
	PutBool(at+68, effect.Answer != nil)
	if hearing := effect.Answer; hearing != nil {
		PutText(at+72, hearing.Method)
		PutBytes(at+80, hearing.Note)
	}
	PutBool(at+88, effect.WithinMs != 0)
	putFloat(at+96, effect.WithinMs)
}

func putResolves(at uint32, resolves []boundary.Resolution) {
	base := allocateList(len(resolves), resolutionBytes)
	for i := range resolves {
		item, resolution := base+uint32(i)*resolutionBytes, &resolves[i]
		PutText(item, resolution.Ticket)
		PutText(item+8, resolution.Method)
		PutBool(item+16, resolution.Failure != nil)
		if resolution.Failure != nil {
			putFailure(item+20, resolution.Failure)
		} else {
			PutBytes(item+20, resolution.Payload)
		}
		putMetadata(item+40, resolution.Headers)
	}
	PutPair(at, base, len(resolves))
}

func putMetadata(at uint32, entries []boundary.Entry) {
	base := allocateList(len(entries), entryBytes)
	for i := range entries {
		entry := base + uint32(i)*entryBytes
		PutText(entry, entries[i].Name)
		binary := entries[i].Binary()
		PutBool(entry+8, binary)
		if binary {
			PutBytes(entry+12, entries[i].Data)
		} else {
			PutText(entry+12, entries[i].Text)
		}
	}
	PutPair(at, base, len(entries))
}

func putLogs(at uint32, lines []boundary.Line) {
	base := allocateList(len(lines), lineBytes)
	for i := range lines {
		line := base + uint32(i)*lineBytes
		Put8(line, uint8(lines[i].Level))
		PutText(line+4, lines[i].Text)
	}
	PutPair(at, base, len(lines))
}

// allocateList answers the alignment for an empty one, as the ABI's own bindings do it.
func allocateList(length int, size uint32) uint32 {
	if length == 0 {
		return 8
	}
	return Allocate(uint32(length) * size)
}

// PutOutcomes allocates a list of outcomes, and answers with the address of its pair.
func PutOutcomes(at uint32, outcomes []boundary.Outcome) {
	base := allocateList(len(outcomes), OutcomeBytes)
	for i := range outcomes {
		PutOutcome(base+uint32(i)*OutcomeBytes, &outcomes[i])
	}
	PutPair(at, base, len(outcomes))
}
