package innkeeper

import (
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// Duration is a time.Duration: 15 * time.Minute.
type Duration = boundary.Duration

// EffectOption is what an effect of an entity may have: Within, After, At, Named.
type EffectOption = boundary.EffectOption

// DeliveryOption is what any effect may have, an action's too: Within, After, At.
type DeliveryOption = boundary.DeliveryOption

// Limit is a time in which an answer must come. Within makes it.
type Limit = boundary.Limit

// Within: the answer must come in this time from when the effect is due; then it is a failure. Of Later: callers are answered
// DEADLINE_EXCEEDED after it, in whole seconds, rounded up.
func Within(d Duration) Limit {
	return Limit(d.Nanoseconds())
}

// After: the effect is due so long after the decision.
func After(d Duration) boundary.Moment {
	return boundary.After(d)
}

// At: the effect is due at this time, in milliseconds since 1970.
func At(ms int64) boundary.Moment {
	return boundary.At(ms)
}

// Named: the name is unique within the entity. An effect of this name that is still pending is replaced, and Cancel drops it.
func Named(name string) boundary.Naming {
	return boundary.Naming(name)
}

// Hearing is a method that hears what a call was answered, with a note. Made by generated code: gen.ShopHears.Charged(note).
type Hearing = boundary.Hearing

// HearingOf is for generated code.
func HearingOf[N any, M interface {
	*N
	Message
}](service, method, of string, note M) Hearing {
	hearing := HearingWithoutNote(service, method, of)
	if note != nil {
		hearing.Note = wire.Encode(note)
	}
	return hearing
}

// HearingWithoutNote is for generated code.
func HearingWithoutNote(service, method, of string) Hearing {
	return Hearing{Service: service, Method: method, Of: of}
}

// Resolution is what all who wait for a ticket are answered. A ticket makes it.
type Resolution = boundary.Resolution

// Ticket that a command of a method gave, whose reply is an R. Made by generated code: gen.ShopTickets.Pay("ticket").
type Ticket[R Message] struct {
	service, method, name string
}

// TicketOf is for generated code.
func TicketOf[R Message](service, method, name string) Ticket[R] {
	return Ticket[R]{service, method, name}
}

// Reply answers with a message.
func (t Ticket[R]) Reply(reply R) Resolution {
	return Resolution{Ticket: t.name, Service: t.service, Method: t.method, Payload: wire.Encode(reply)}
}

// Refuse answers with a refusal.
func (t Ticket[R]) Refuse(code Code, message string, details ...Message) Resolution {
	answer := new(boundary.Answer).Refuse(code, message, details)
	return Resolution{Ticket: t.name, Service: t.service, Method: t.method, Failure: answer.Refusal}
}
