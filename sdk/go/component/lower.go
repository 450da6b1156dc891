//go:build wasip1

package component

import "innkeeper/internal/boundary"

// Lower: answers into memory, laid out as the canonical ABI has it (wit/*.wit; 32-bit memory, UTF-8).
//
//	string, list    8 bytes   pointer 0, length 4          option<string>  12   present (u8) 0, string 4
//	typed          16         type-name 0, data 8          metadata-entry  20   name 0, case (u8) 8, value 12
//	call           32         service 0, method 8, payload 16, metadata 24
//	effect         36         call 0, synchronous (u8) 32
//	log-line       12         level (u8) 0, text 4
//	outcome        64         answer 0, effects 40, metadata 48, logs 56; answer: ok or err (u8) 0, then at 4
//	                          reply: case (u8) 0, list or call 4; or failure: code (u8) 0, message 4, details 12
//
// The memory is not clean: every byte that a case reads is written.

const (
	callBytes   = 32
	effectBytes = 36
	lineBytes   = 12
)

// OutcomeBytes is the size of an outcome.
const OutcomeBytes = 64

// PutOutcome of a command.
func PutOutcome(at uint32, outcome *boundary.Outcome) {
	answer := at + 4
	if failure := outcome.Failure; failure != nil {
		Put8(at, 1)
		Put8(answer, uint8(failure.Code)-1)
		PutText(answer+4, failure.Message)
		PutTyped(answer+12, failure.Details)
	} else {
		Put8(at, 0)
		Put8(answer, uint8(outcome.Reply))
		switch outcome.Reply {
		case boundary.ReplyMessage:
			PutBytes(answer+4, outcome.Payload)
		case boundary.ReplyForward:
			putCall(answer+4, &outcome.Forward)
		}
	}
	putEffects(at+40, outcome.Effects)
	putMetadata(at+48, outcome.Metadata)
	putLogs(at+56, outcome.Logs)
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
		effect := base + uint32(i)*effectBytes
		putCall(effect, &effects[i].Call)
		PutBool(effect+callBytes, effects[i].Synchronous)
	}
	PutPair(at, base, len(effects))
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
