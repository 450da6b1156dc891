package boundary

// Effects: calls that run once a decision is durable, at once or later.
//
//   - An entity's effects have names, and answers that the entity hears; those of an action and of a stream have neither: their words take
//     no such option.
//   - Times are whole milliseconds, rounded up: an effect is never early.

// Duration is a time.Duration. Package time is 260 KB of a component: so only those have it that use it.
type Duration interface {
	Nanoseconds() int64
}

const (
	millisecond = 1_000_000
	second      = 1000 * millisecond
)

// Effect is a command that runs once a decision is durable.
type Effect struct {
	Call
	// Synchronous: the reply waits until it has ended.
	Synchronous bool
	Due         DueCase
	// DueMs is how long after the decision, or the time since 1970.
	DueMs float64
	// Name is unique within the entity; "" is none.
	Name string
	// Answer says who hears what it was answered; nil: nobody.
	Answer *Hearing
	// WithinMs is the time in which the answer must come; 0 is no such limit.
	WithinMs float64
}

// DueCase says when an effect is delivered.
type DueCase uint8

const (
	DueAtOnce DueCase = iota
	DueAfter
	DueAt
)

// Hearing is a method that hears what a call was answered, and the note that comes back with the answer.
type Hearing struct {
	// Service and Method hear.
	Service, Method string
	// Of is the method whose answers it hears, as SERVICE/METHOD.
	Of   string
	Note []byte
}

// EffectOption is what an effect of an entity may have.
type EffectOption interface {
	apply(effect *Effect)
}

// DeliveryOption is what any effect may have.
type DeliveryOption interface {
	EffectOption
	delivery()
}

// EffectOf makes an effect.
func EffectOf[O EffectOption](call Call, options []O) Effect {
	effect := Effect{Call: call}
	for _, option := range options {
		option.apply(&effect)
	}
	return effect
}

// Limit is a time in which an answer must come, in nanoseconds.
type Limit int64

func (l Limit) apply(effect *Effect) {
	if l <= 0 {
		panic("within: the time must be more than zero")
	}
	effect.WithinMs = milliseconds(int64(l))
}

func (Limit) delivery() {}

// Moment is when an effect is due.
type Moment struct {
	due DueCase
	ms  float64
}

// After is so long after the decision; at once, if the time is negative.
func After(d Duration) Moment {
	return Moment{DueAfter, milliseconds(max(d.Nanoseconds(), 0))}
}

// At is a time in milliseconds since 1970.
func At(ms int64) Moment {
	return Moment{DueAt, float64(max(ms, 0))}
}

func (m Moment) apply(effect *Effect) {
	effect.Due, effect.DueMs = m.due, m.ms
}

func (Moment) delivery() {}

// Naming is the name of an effect.
type Naming string

func (n Naming) apply(effect *Effect) {
	if n == "" {
		panic("an effect's name is empty")
	}
	effect.Name = string(n)
}

// AskOf makes an effect whose answer is heard.
func AskOf(call Call, hearing Hearing, options []EffectOption) Effect {
	if target := call.Service + "/" + call.Method; target != hearing.Of {
		panic(hearing.Service + "/" + hearing.Method + " hears what " + hearing.Of + " is answered, and not " + target)
	}
	effect := EffectOf(call, options)
	effect.Answer = &hearing
	return effect
}

// milliseconds are whole, rounded up.
func milliseconds(nanoseconds int64) float64 {
	return float64(roundedUp(nanoseconds, millisecond))
}

// Resolution is what all who wait for a ticket are answered.
type Resolution struct {
	Ticket string
	// Service and Method that gave the ticket.
	Service, Method string
	Payload         []byte
	// Failure is nil where the answer is the payload.
	Failure *Failure
	Headers []Entry
}

// Metadata goes with the answer.
func (r Resolution) Metadata(header Entry) Resolution {
	r.Headers = append(r.Headers[:len(r.Headers):len(r.Headers)], header)
	return r
}

// seconds are whole, rounded up, at least one: how long a ticket is open.
func (l Limit) seconds() uint32 {
	const most = 1<<32 - 1
	return uint32(min(max(roundedUp(int64(l), second), 1), most))
}

func roundedUp(value, unit int64) int64 {
	whole := value / unit
	if value%unit > 0 {
		whole++
	}
	return whole
}
