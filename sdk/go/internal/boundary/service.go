package boundary

// Kind of a service, by its state (wit/about.wit).
type Kind uint8

const (
	KindEventSourced Kind = iota
	KindValue
	KindReplicated
	KindAction
)

// ViewCase says how much a method of a replicated entity sees.
type ViewCase uint8

const (
	ViewAll ViewCase = iota
	ViewNothing
	ViewElement
	ViewDynamic
)

// MethodView is what one method sees.
type MethodView struct {
	Method string
	View   ViewCase
	// Field of the request that names the element.
	Field string
}

// Options of a service; the zero value has the host's defaults.
type Options struct {
	// PersistenceID is the name that stored data hangs on. Default: the service's full name.
	PersistenceID string
	// SnapshotEvery counts events between two snapshots of an event-sourced entity; negative: never.
	SnapshotEvery int32
	// PassivateAfterMs is the idle time after which an entity leaves the memory.
	PassivateAfterMs uint32
	// StateVersion names the state's encoding. Default: the component's hash, so that every upgrade folds the events again.
	StateVersion string
	// Headers of requests that reach the service besides ce-* and x-*.
	Headers []string
}

// Service is a definition as the component and the test kit run it.
type Service struct {
	Name string
	Kind Kind
	// StateType is the full name of the state's message.
	StateType string
	Options   Options
	Views     []MethodView
	// Events are the full names of the event types that are folded.
	Events []string

	// The one of its kind is set.
	EventSourced EventSourced
	Value        Value
	Replicated   Replicated
	Action       Action

	// Of a view, which has none of the above but its name.
	View    View
	RowType string
	Sources []ViewSource
}

// ViewSource is whose changes a view takes, and which.
type ViewSource struct {
	Service string
	Kind    Kind
	Types   []string
}

// What became of an entity.
type What uint8

const (
	WhatEvent What = iota
	WhatUpdated
	WhatDeleted
)

// ViewChange is a change that a view takes.
type ViewChange struct {
	Service, Entity string
	Sequence, At    uint64
	What            What
	// Name and Data of the event, or of the value.
	Name string
	Data []byte
	// Keys of the rows that earlier changes of the entity have put and not deleted since.
	Keys []string
}

// Row by its key; one that is not there is deleted.
type Row struct {
	Key   string
	Data  []byte
	There bool
}

// View is the interface of wit/view.wit: a list for each change.
type View interface {
	Keys(changes []ViewChange) [][]string
	Project(changes []ViewChange, rows []Row) [][]Row
}

// With is the service with these options.
func (s Service) With(options Options) Service {
	s.Options = options
	return s
}

// Decision of an event-sourced entity.
type Decision struct {
	Events  []Typed
	Outcome Outcome
}

// EventSourced is the interface of wit/event-sourced.wit. A state without bytes is the initial one; nothing is held.
type EventSourced interface {
	// Decide brings the next state where events changed it, or it is wanted.
	Decide(
		entity string,
		state []byte,
		commands []Command,
		wantState bool,
	) (decisions []Decision, next []byte, changed bool)
	Evolve(entity string, state []byte, events []Typed) (next []byte)
}

// Change of a value.
type Change uint8

const (
	Unchanged Change = iota
	Updated
	Deleted
)

// ValueDecision has the new value if it is updated.
type ValueDecision struct {
	Change  Change
	Value   []byte
	Outcome Outcome
}

// Value is the interface of wit/value.wit. A value that is nil is absent.
type Value interface {
	Decide(entity string, value []byte, commands []Command) []ValueDecision
}

// ReplicatedDecision answers now, or, with a note, after its operations.
type ReplicatedDecision struct {
	Outcome    Outcome
	After      bool
	Note       []byte
	Operations []byte
	Delete     bool
	Subscribe  bool
	// Subscription is its note.
	Subscription []byte
}

// Subscription is a stream that a client keeps open.
type Subscription struct {
	ID     string
	Method string
	Note   []byte
}

// StreamStep is what a subscriber is told.
type StreamStep struct {
	Subscription string
	Told         bool
	Outcome      Outcome
	End          bool
}

// Replicated is the interface of wit/replicated.wit.
type Replicated interface {
	Reads(command Command) [][]byte
	Decide(entity string, view []byte, command Command) ReplicatedDecision
	Render(entity string, view []byte, command Command, note []byte) Outcome
	Changed(entity string, view []byte, subscriptions []Subscription, now float64) []StreamStep
	Cancelled(entity string, view []byte, subscription Subscription, now float64) ReplicatedDecision
}

// InputCase says what a stream was given.
type InputCase uint8

const (
	InputStart InputCase = iota
	InputItem
	InputEnd
	InputCancelled
)

// Input of a stream.
type Input struct {
	Case     InputCase
	Metadata []Entry
	Payload  []byte
}

// Step of a stream. A state that is nil is none.
type Step struct {
	Outputs []Outcome
	State   []byte
	Done    bool
	More    bool
}

// Action is the interface of wit/action.wit.
type Action interface {
	Call(command Command) Outcome
	Stream(method string, state []byte, inputs []Input, now float64, seed [4]uint32) Step
}
