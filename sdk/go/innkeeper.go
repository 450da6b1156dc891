// Package innkeeper has what services of all kinds share: messages, the context of a command, refusals, calls of other
// services. A service is a pure function: it decides on commands; the host keeps state and journal.
//
// A handler is given a command `c`, and what it answers is made by it:
//
//	return c.Accept(...changes).Reply(message)
//	return c.Refuse(innkeeper.NotFound, "why")
//
// Which state a service has, and so what it accepts, is one of four packages: eventsourced, value, replicated, action.
package innkeeper

import (
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// Version of this SDK.
const Version = "0.1.0"

// Message is a protobuf message of generated code.
type Message = wire.Message

// Service is a definition. The package of a project has them in a variable:
//
//	var Services = []innkeeper.Service{eventsourced.New(gen.CounterEventSourced(counter{}), ...)}
type Service = boundary.Service

// Options of a service: Service.With takes them.
type Options = boundary.Options

// Call is a command for another service, made by generated code: gen.Counter.Add(&gen.AddRequest{...}).
type Call = boundary.Call

// Header is an entry of metadata: text, or bytes for names that end in -bin.
type Header = boundary.Entry

// Text makes a header. It panics for a name that ends in -bin.
func Text(name, text string) Header {
	return boundary.TextEntry(name, text)
}

// Binary makes a header of bytes. It panics for a name that does not end in -bin.
func Binary(name string, data []byte) Header {
	return boundary.DataEntry(name, data)
}

// Code says why a command is refused: the number of a google.rpc.Code, 1 to 16.
type Code = boundary.Code

const (
	Cancelled          Code = 1
	Unknown            Code = 2
	InvalidArgument    Code = 3
	DeadlineExceeded   Code = 4
	NotFound           Code = 5
	AlreadyExists      Code = 6
	PermissionDenied   Code = 7
	ResourceExhausted  Code = 8
	FailedPrecondition Code = 9
	Aborted            Code = 10
	OutOfRange         Code = 11
	Unimplemented      Code = 12
	Internal           Code = 13
	Unavailable        Code = 14
	DataLoss           Code = 15
	Unauthenticated    Code = 16
)

// Consistency says how far the changes of a replicated entity must be written before the answer. A host that is alone meets each of them by
// its own commit.
type Consistency = boundary.Consistency

const (
	// Local: on this host.
	Local Consistency = iota
	// Majority: on most hosts that have the entity.
	Majority
	// All: on all of them.
	All
)

// Refusal is a refusal as a value: where it is made apart from its handler, or used by several (RefuseWith takes it).
type Refusal struct {
	Code    Code
	Message string
	// Details say more, for programs.
	Details []Message
}

// Refuse makes a refusal.
func Refuse(code Code, message string, details ...Message) *Refusal {
	return &Refusal{Code: code, Message: message, Details: details}
}
