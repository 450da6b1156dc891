//go:build wasip1

// Package view exports wit/view.wit.
//
//	change   64 bytes   service 0, entity 8, sequence (f64) 16, at-ms (f64) 24, what: case (u8) 32, typed 36; keys 52
//	put      20         key 0, row (option) 8
package view

import (
	"innkeeper/component"
	"innkeeper/internal/boundary"
)

const (
	changeBytes = 64
	rowBytes    = 20
)

func changesOf(at, length uint32) []boundary.ViewChange {
	changes := make([]boundary.ViewChange, length)
	for i := range changes {
		change := at + uint32(i)*changeBytes
		keys := make([]string, component.Get32(change+56))
		for k := range keys {
			keys[k] = string(component.BytesAt(component.Get32(change+52) + uint32(k)*8))
		}
		changes[i] = boundary.ViewChange{
			Service:  string(component.BytesAt(change)),
			Entity:   string(component.BytesAt(change + 8)),
			Sequence: uint64(component.GetFloat(change + 16)),
			At:       uint64(component.GetFloat(change + 24)),
			What:     boundary.What(component.Get8(change + 32)),
			Keys:     keys,
		}
		if changes[i].What != boundary.WhatDeleted {
			changes[i].Name = component.ViewAt(change + 36)
			changes[i].Data = component.BytesAt(change + 44)
		}
	}
	return changes
}

//go:wasmexport innkeeper:guest/view@0.2.0#keys
func keys(view, viewLength, changes, changesLength uint32) uint32 {
	defer component.Tell()
	lists := component.Named(view, viewLength).View.Keys(changesOf(changes, changesLength))
	answer := component.Allocate(8)
	base := component.Allocate(uint32(len(lists)) * 8)
	for i, list := range lists {
		component.PutNames(base+uint32(i)*8, list)
	}
	component.PutPair(answer, base, len(lists))
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/view@0.2.0#keys
func keysRead(uint32) { component.Release() }

//go:wasmexport innkeeper:guest/view@0.2.0#project
func project(view, viewLength, changes, changesLength, rows, rowsLength uint32) uint32 {
	defer component.Tell()
	before := make([]boundary.Row, rowsLength)
	for i := range before {
		row := rows + uint32(i)*rowBytes
		before[i] = boundary.Row{Key: string(component.BytesAt(row)), There: component.Get8(row+8) != 0}
		if before[i].There {
			before[i].Data = component.BytesAt(row + 12)
		}
	}
	lists := component.Named(view, viewLength).View.Project(changesOf(changes, changesLength), before)
	answer := component.Allocate(8)
	base := component.Allocate(uint32(len(lists)) * 8)
	for i, list := range lists {
		putRows(base+uint32(i)*8, list)
	}
	component.PutPair(answer, base, len(lists))
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/view@0.2.0#project
func projected(uint32) { component.Release() }

func putRows(at uint32, list []boundary.Row) {
	base := component.Allocate(uint32(len(list)) * rowBytes)
	for i := range list {
		row := base + uint32(i)*rowBytes
		component.PutText(row, list[i].Key)
		component.PutBool(row+8, list[i].There)
		if list[i].There {
			component.PutBytes(row+12, list[i].Data)
		}
	}
	component.PutPair(at, base, len(list))
}
