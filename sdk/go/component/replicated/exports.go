//go:build wasip1

// Package replicated exports wit/replicated.wit.
//
//	subscription   24 bytes   id 0, method 8, note 16
//	decision      108         answer: case (u8) 0, outcome or list 4; operations 84, delete (u8) 92, subscribe (option) 96
//	stream-step    96         subscription 0, outcome (option: u8 8, outcome 12), end (u8) 92
//
// decide has 20 parameters and render 22, which is more than sixteen: they come in memory, at one address.
//
//	decide         88         service 0, entity 8, view 16, command 24
//	render         96         the same, and note 88
package replicated

import (
	"innkeeper/component"
	"innkeeper/internal/boundary"
)

const (
	subscriptionBytes = 24
	decisionBytes     = 108
	stepBytes         = 96
)

//go:wasmexport innkeeper:guest/replicated@0.2.0#reads
func reads(
	service, serviceLength, method, methodLength, payload, payloadLength, metadata, metadataLength uint32,
	now float64,
	seed0, seed1, seed2, seed3 uint32,
	_, _, _ uint32, // principal
) uint32 {
	defer component.Tell()
	elements := component.Named(service, serviceLength).Replicated.Reads(boundary.Command{
		Method:   component.View(method, methodLength),
		Payload:  component.Bytes(payload, payloadLength),
		Metadata: component.Metadata(metadata, metadataLength),
		Now:      now,
		Seed:     [4]uint32{seed0, seed1, seed2, seed3},
	})
	answer := component.Allocate(8)
	list := component.Allocate(uint32(len(elements)) * 8)
	for i, element := range elements {
		component.PutBytes(list+uint32(i)*8, element)
	}
	component.PutPair(answer, list, len(elements))
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/replicated@0.2.0#reads
func haveRead(uint32) { component.Release() }

//go:wasmexport innkeeper:guest/replicated@0.2.0#decide
func decide(at uint32) uint32 {
	defer component.Tell()
	service := component.Named(component.Get32(at), component.Get32(at+4))
	return lower(service.Replicated.Decide(
		string(component.BytesAt(at+8)),
		component.BytesAt(at+16),
		component.Command(at+24),
	))
}

//go:wasmexport cabi_post_innkeeper:guest/replicated@0.2.0#decide
func decided(uint32) { component.Release() }

//go:wasmexport innkeeper:guest/replicated@0.2.0#render
func render(at uint32) uint32 {
	defer component.Tell()
	service := component.Named(component.Get32(at), component.Get32(at+4))
	outcome := service.Replicated.Render(
		string(component.BytesAt(at+8)),
		component.BytesAt(at+16),
		component.Command(at+24),
		component.BytesAt(at+88),
	)
	answer := component.Allocate(component.OutcomeBytes)
	component.PutOutcome(answer, &outcome)
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/replicated@0.2.0#render
func rendered(uint32) { component.Release() }

//go:wasmexport innkeeper:guest/replicated@0.2.0#changed
func changed(
	service, serviceLength, entity, entityLength, view, viewLength, subscriptions, subscriptionsLength uint32,
	now float64,
) uint32 {
	defer component.Tell()
	list := make([]boundary.Subscription, subscriptionsLength)
	for i := range list {
		at := subscriptions + uint32(i)*subscriptionBytes
		list[i] = boundary.Subscription{
			ID:     component.ViewAt(at),
			Method: component.ViewAt(at + 8),
			Note:   component.BytesAt(at + 16),
		}
	}
	steps := component.Named(service, serviceLength).Replicated.Changed(
		component.Text(entity, entityLength),
		component.Bytes(view, viewLength),
		list,
		now,
	)
	answer := component.Allocate(8)
	base := component.Allocate(uint32(len(steps)) * stepBytes)
	for i := range steps {
		at := base + uint32(i)*stepBytes
		component.PutText(at, steps[i].Subscription)
		component.PutBool(at+8, steps[i].Told)
		if steps[i].Told {
			component.PutOutcome(at+12, &steps[i].Outcome)
		}
		component.PutBool(at+92, steps[i].End)
	}
	component.PutPair(answer, base, len(steps))
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/replicated@0.2.0#changed
func toldAll(uint32) { component.Release() }

//go:wasmexport innkeeper:guest/replicated@0.2.0#cancelled
func cancelled(
	service, serviceLength, entity, entityLength, view, viewLength uint32,
	id, idLength, method, methodLength, note, noteLength uint32,
	now float64,
) uint32 {
	defer component.Tell()
	return lower(component.Named(service, serviceLength).Replicated.Cancelled(
		component.Text(entity, entityLength),
		component.Bytes(view, viewLength),
		boundary.Subscription{
			ID:     component.View(id, idLength),
			Method: component.View(method, methodLength),
			Note:   component.Bytes(note, noteLength),
		},
		now,
	))
}

//go:wasmexport cabi_post_innkeeper:guest/replicated@0.2.0#cancelled
func haveLeft(uint32) { component.Release() }

func lower(decision boundary.ReplicatedDecision) uint32 {
	answer := component.Allocate(decisionBytes)
	component.PutBool(answer, decision.After)
	if decision.After {
		component.PutBytes(answer+4, decision.Note)
	} else {
		component.PutOutcome(answer+4, &decision.Outcome)
	}
	component.PutBytes(answer+84, decision.Operations)
	component.PutBool(answer+92, decision.Delete)
	component.PutBool(answer+96, decision.Subscribe)
	if decision.Subscribe {
		component.PutBytes(answer+100, decision.Subscription)
	}
	return answer
}
