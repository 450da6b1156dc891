//go:build wasip1

// Package value exports wit/value.wit.
//
//	decision       92 bytes   change: case (u8) 0, list 4; outcome 12
//	decide-answer  20         case (u8) 0; decided: decisions 4, held (option) 12
//
// Nothing is held between calls: `held` is answered `unknown`, values are always bytes.
package value

import (
	"innkeeper/component"
	"innkeeper/internal/boundary"
)

const decisionBytes = 12 + component.OutcomeBytes

const (
	absent = 0
	held   = 2
)

//go:wasmexport innkeeper:guest/value@0.2.0#decide
func decide(
	service, serviceLength, entity, entityLength, basis, value, valueLength, commands, commandsLength uint32,
) uint32 {
	defer component.Tell()
	answer := component.Allocate(20)
	if basis == held {
		component.Put8(answer, 1)
		return answer
	}
	var bytes []byte
	if basis != absent {
		bytes = component.Bytes(value, valueLength)
	}
	if basis != absent && bytes == nil {
		// The value of no bytes is one too.
		bytes = []byte{}
	}
	decisions := component.Named(service, serviceLength).Value.Decide(
		component.Text(entity, entityLength),
		bytes,
		component.Commands(commands, commandsLength),
	)
	component.Put8(answer, 0)
	list := component.Allocate(uint32(len(decisions)) * decisionBytes)
	for i := range decisions {
		at := list + uint32(i)*decisionBytes
		component.Put8(at, uint8(decisions[i].Change))
		if decisions[i].Change == boundary.Updated {
			component.PutBytes(at+4, decisions[i].Value)
		}
		component.PutOutcome(at+12, &decisions[i].Outcome)
	}
	component.PutPair(answer+4, list, len(decisions))
	component.Put8(answer+12, 0)
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/value@0.2.0#decide
func decided(uint32) { component.Release() }
