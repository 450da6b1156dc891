//go:build wasip1

// Package eventsourced exports wit/event-sourced.wit.
//
//	decision       88 bytes   events 0, outcome 8
//	decide-answer  36         case (u8) 0; decided: decisions 4, next: case (u8) 12, state 16
//	evolve-answer  24         case (u8) 0, state 4
//
// Nothing is held between calls: `held` is answered `unknown`, states are always bytes.
package eventsourced

import "innkeeper/component"

const decisionBytes = 8 + component.OutcomeBytes

const held = 2

//go:wasmexport innkeeper:guest/event-sourced@0.2.0#decide
func decide(
	service, serviceLength, entity, entityLength, basis, state, stateLength, commands, commandsLength, wantState uint32,
) uint32 {
	defer component.Tell()
	answer := component.Allocate(36)
	if basis == held {
		component.Put8(answer, 1)
		return answer
	}
	decisions, next, changed := component.Named(service, serviceLength).EventSourced.Decide(
		component.Text(entity, entityLength),
		stateOf(basis, state, stateLength),
		component.Commands(commands, commandsLength),
		wantState != 0,
	)
	component.Put8(answer, 0)
	list := component.Allocate(uint32(len(decisions)) * decisionBytes)
	for i := range decisions {
		at := list + uint32(i)*decisionBytes
		component.PutTyped(at, decisions[i].Events)
		component.PutOutcome(at+8, &decisions[i].Outcome)
	}
	component.PutPair(answer+4, list, len(decisions))
	component.PutBool(answer+12, changed)
	if changed {
		component.PutBytes(answer+16, next)
	}
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/event-sourced@0.2.0#decide
func decided(uint32) { component.Release() }

//go:wasmexport innkeeper:guest/event-sourced@0.2.0#evolve
func evolve(
	service, serviceLength, entity, entityLength, basis, state, stateLength, events, eventsLength, wantState uint32,
) uint32 {
	defer component.Tell()
	answer := component.Allocate(24)
	if basis == held {
		component.Put8(answer, 2)
		return answer
	}
	next := component.Named(service, serviceLength).EventSourced.Evolve(
		component.Text(entity, entityLength),
		stateOf(basis, state, stateLength),
		component.Events(events, eventsLength),
	)
	component.Put8(answer, 0)
	component.PutBytes(answer+4, next)
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/event-sourced@0.2.0#evolve
func evolved(uint32) { component.Release() }

func stateOf(basis, state, length uint32) []byte {
	if basis == 0 {
		return nil
	}
	return component.Bytes(state, length)
}
