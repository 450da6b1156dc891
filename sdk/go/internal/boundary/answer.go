package boundary

import "innkeeper/wire"

// Answer is what a handler's chain of calls gathers, for every kind of service.
type Answer struct {
	Refusal  *Failure
	kind     answerKind
	payload  []byte
	compute  Computing
	forward  Call
	Effects  []Effect
	Metadata []Entry
	Cancels  []string
	Resolves []Resolution
	ticket   string
	withinS  uint32
	// Stream: the stream that the method opened stays open.
	Stream bool
}

// Computing makes a reply of the state or the view after.
type Computing interface {
	Computed(after any) []byte
}

type answerKind uint8

const (
	due answerKind = iota
	message
	computed
	forwarded
	silent
	later
)

// Reply answers with a message, encoded at once: what happens to it afterwards changes nothing.
func (a *Answer) Reply(reply wire.Message) *Answer {
	a.kind, a.payload = message, wire.Encode(reply)
	return a
}

// Compute answers with what is made of what the changes leave.
func (a *Answer) Compute(compute Computing) *Answer {
	a.kind, a.compute = computed, compute
	return a
}

// ForwardTo lets another command answer.
func (a *Answer) ForwardTo(call Call) *Answer {
	a.kind, a.forward = forwarded, call
	return a
}

// Later answers when a later decision resolves the ticket.
func (a *Answer) Later(ticket string, within []Limit) *Answer {
	a.kind, a.ticket = later, ticket
	for _, limit := range within {
		a.withinS = limit.seconds()
	}
	return a
}

// Silence answers nothing, where nothing is due.
func (a *Answer) Silence() *Answer {
	a.kind = silent
	return a
}

// Refuse answers with a refusal.
func (a *Answer) Refuse(code Code, text string, details []wire.Message) *Answer {
	a.Refusal = &Failure{Code: checkedCode(code), Message: text, Details: TypedAll(details, nil)}
	return a
}

// Deliver adds an effect.
func (a *Answer) Deliver(effect Effect) {
	a.Effects = append(a.Effects, effect)
}

// DeliverSynchronously adds an effect that the answer waits for.
func (a *Answer) DeliverSynchronously(effect Effect) {
	effect.Synchronous = true
	a.Deliver(effect)
}

func (a *Answer) Header(entry Entry) {
	a.Metadata = append(a.Metadata, entry)
}

// Computed tells whether the reply looks at what the changes leave.
func (a *Answer) Computed() bool {
	return a.Refusal == nil && a.kind == computed
}

// Outcome is the answer as it crosses the boundary; `after` is what a computed reply looks at. It panics if there is none.
func (a *Answer) Outcome(method string, after any) Outcome {
	outcome := Outcome{Failure: a.Refusal, Effects: a.Effects, Metadata: a.Metadata}
	if a.Refusal != nil {
		return outcome
	}
	a.checkOwn(method)
	outcome.Cancels, outcome.Resolves = a.Cancels, a.Resolves
	switch a.kind {
	case message:
		outcome.Payload = a.payload
	case computed:
		outcome.Payload = a.compute.Computed(after)
	case forwarded:
		outcome.Reply, outcome.Forward = ReplyForward, a.forward
	case later:
		outcome.Reply, outcome.Ticket, outcome.WithinS = ReplyLater, a.ticket, a.withinS
	case silent:
		outcome.Reply = ReplyNone
	case due:
		panic(method + " accepts without a reply or a forward")
	}
	return outcome
}

// checkOwn panics where the method that hears, or that gave a ticket, is of another service: the boundary has no place for one.
func (a *Answer) checkOwn(method string) {
	for i := range a.Effects {
		if hearing := a.Effects[i].Answer; hearing != nil && !isOf(method, hearing.Service) {
			panic(method + " asks, and " + hearing.Service + "/" + hearing.Method + " is to hear: it is no method of this service")
		}
	}
	for i := range a.Resolves {
		if resolution := &a.Resolves[i]; !isOf(method, resolution.Service) {
			panic(method + " resolves a ticket of " + resolution.Service + "/" + resolution.Method + ": it is no method of this service")
		}
	}
}

// isOf tells whether SERVICE/METHOD is of a service.
func isOf(method, service string) bool {
	return len(method) > len(service) && method[:len(service)] == service && method[len(service)] == '/'
}

// Refused is an outcome that the SDK itself decides: what the caller got wrong.
func Refused(code Code, text string) Outcome {
	return Outcome{Failure: &Failure{Code: code, Message: text}}
}

// UnknownMethod is the refusal of a method that is not there.
func UnknownMethod(service, method string) Outcome {
	const unimplemented = 12
	return Refused(unimplemented, service+" has no method "+method)
}

// MalformedRequest is the refusal of bytes that are no request.
func MalformedRequest(name, problem string) Outcome {
	const invalidArgument = 3
	return Refused(invalidArgument, "the request is no "+name+": "+problem)
}

func checkedCode(code Code) Code {
	if code < 1 || code > 16 {
		panic("refuse: there is no such code")
	}
	return code
}
