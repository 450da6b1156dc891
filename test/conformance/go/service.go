// Package conformance has the model services of ../proto/conformance.proto, which says what the acts mean.
package conformance

import (
	"conformance/gen"
	"innkeeper"
	"innkeeper/action"
	"innkeeper/eventsourced"
	"innkeeper/replicated"
	"innkeeper/value"
)

// Services is what inn build makes a component of.
var Services = []innkeeper.Service{
	eventsourced.New(
		gen.EventsEventSourced[*gen.Log](events{}),
		eventsourced.Evolve(noted),
		eventsourced.Evolve(cleared),
	),
	value.New(gen.ValuesValue[*gen.Box](values{})),
	replicated.New(gen.ReplicasReplicated[all](replicas{}), allKinds),
	replicated.New(
		gen.MembersReplicated[set](members{}),
		setOfTexts,
		replicated.Nothing("Blind"),
		replicated.ElementNamed("One", "element"),
		replicated.Dynamic("Some", textElement, func(script *gen.Script) []string { return script.Look }),
	),
	action.New(gen.ActionsAction(actions{})),
	notes,
	board,
	crowd,
}
