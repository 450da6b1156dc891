//go:build wasip1

// Package action exports wit/action.wit.
//
//	input          12 bytes   case (u8) 0, list 4
//	step           24         outputs 0, state (option) 8, done (u8) 20, more (u8) 21
package action

import (
	"innkeeper/component"
	"innkeeper/internal/boundary"
)

const inputBytes = 12

//go:wasmexport innkeeper:guest/action@0.2.0#call
func call(service, serviceLength, commands, commandsLength uint32) uint32 {
	defer component.Tell()
	action := component.Named(service, serviceLength).Action
	list := component.Commands(commands, commandsLength)
	outcomes := make([]boundary.Outcome, len(list))
	for i := range list {
		outcomes[i] = action.Call(list[i])
	}
	answer := component.Allocate(8)
	component.PutOutcomes(answer, outcomes)
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/action@0.2.0#call
func called(uint32) { component.Release() }

//go:wasmexport innkeeper:guest/action@0.2.0#stream
func stream(
	service, serviceLength, method, methodLength, has, state, stateLength, inputs, inputsLength uint32,
	now float64,
	seed0, seed1, seed2, seed3 uint32,
) uint32 {
	defer component.Tell()
	list := make([]boundary.Input, inputsLength)
	for i := range list {
		at := inputs + uint32(i)*inputBytes
		list[i].Case = boundary.InputCase(component.Get8(at))
		switch list[i].Case {
		case boundary.InputStart:
			list[i].Metadata = component.Metadata(component.Get32(at+4), component.Get32(at+8))
		case boundary.InputItem:
			list[i].Payload = component.BytesAt(at + 4)
		}
	}
	var before []byte
	if has != 0 {
		before = component.Bytes(state, stateLength)
	}
	step := component.Named(service, serviceLength).Action.Stream(
		component.View(method, methodLength),
		before,
		list,
		now,
		[4]uint32{seed0, seed1, seed2, seed3},
	)
	answer := component.Allocate(24)
	component.PutOutcomes(answer, step.Outputs)
	component.PutOptionalBytes(answer+8, step.State)
	component.PutBool(answer+20, step.Done)
	component.PutBool(answer+21, step.More)
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/action@0.2.0#stream
func streamed(uint32) { component.Release() }
