// Package crdt has the kinds of replicated values, their views, and the operations that views make. The host merges; a handler
// reads a view and says operations. Elements and keys are bytes to the host (Element).
//
// Leaves to others: what a service does with them (package replicated).
package crdt

// Kind describes a replicated value; V is the type of its views.
type Kind[V any] struct {
	number uint8
	open   func(node) V
	// Bytes of a register's first value.
	initial []byte
}

// GCounter only grows.
func GCounter() Kind[*GCounterView] {
	return Kind[*GCounterView]{number: gCounter, open: func(n node) *GCounterView { return &GCounterView{n} }}
}

func PNCounter() Kind[*PNCounterView] {
	return Kind[*PNCounterView]{number: pnCounter, open: func(n node) *PNCounterView { return &PNCounterView{n} }}
}

// GSet is a set that only grows.
func GSet[T any](element Element[T]) Kind[*GSetView[T]] {
	return Kind[*GSetView[T]]{number: gSet, open: func(n node) *GSetView[T] { return &GSetView[T]{n, element, gSet} }}
}

// ORSet is a set. An element that is added and removed at the same time is in it.
func ORSet[T any](element Element[T]) Kind[*ORSetView[T]] {
	return Kind[*ORSetView[T]]{number: orSet, open: func(n node) *ORSetView[T] {
		return &ORSetView[T]{GSetView[T]{n, element, orSet}}
	}}
}

// LWWRegister is a value of which the last write wins. As an entity it is written when the first command meets it, with `initial`.
func LWWRegister[T any](element Element[T], initial T) Kind[*LWWRegisterView[T]] {
	return Kind[*LWWRegisterView[T]]{
		number:  lwwRegister,
		open:    func(n node) *LWWRegisterView[T] { return &LWWRegisterView[T]{n, element, initial} },
		initial: element.encode(initial),
	}
}

// Flag is off, and once on, on for good.
func Flag() Kind[*FlagView] {
	return Kind[*FlagView]{number: flag, open: func(n node) *FlagView { return &FlagView{n} }}
}

// Vote is a vote of each node.
func Vote() Kind[*VoteView] {
	return Kind[*VoteView]{number: vote, open: func(n node) *VoteView { return &VoteView{n} }}
}

// ORMap is a map whose values are replicated values of one kind.
func ORMap[K, V any](key Element[K], value Kind[V]) Kind[*ORMapView[K, V]] {
	return ORMapOf(key, func(K) Kind[V] { return value })
}

// ORMapOf is a map whose values are of the kind that their key says.
func ORMapOf[K, V any](key Element[K], value func(key K) Kind[V]) Kind[*ORMapView[K, V]] {
	return Kind[*ORMapView[K, V]]{number: orMap, open: func(n node) *ORMapView[K, V] {
		return &ORMapView[K, V]{n, key, value}
	}}
}

// Fields is a map with known keys, in Record.
type Fields struct{ node }

// Record is a map with known keys, each with a kind of its own. `open` makes a struct of views, each by Field.
func Record[V any](open func(fields Fields) V) Kind[V] {
	return Kind[V]{number: orMap, open: func(n node) V {
		return open(Fields{n})
	}}
}

// Field is the view of one of a record's keys.
func Field[V any](fields Fields, key string, kind Kind[V]) V {
	view := ORMapView[string, V]{fields.node, Text, func(string) Kind[V] { return kind }}
	return view.At(key)
}

// Open makes a view of what the host shows. For the kinds of services.
func (k Kind[V]) Open(seen Seen) V {
	return k.open(node{seen.content, &place{kind: k.number, exists: seen.content != nil}})
}

// Initial is what a register begins with; nil for all else. For the kinds of services.
func (k Kind[V]) Initial() []byte {
	return k.initial
}

// HasElements tells whether a view may be a part. For the kinds of services.
func (k Kind[V]) HasElements() bool {
	return k.number == gSet || k.number == orSet || k.number == orMap
}
