//go:build wasip1

package component

import (
	"innkeeper"
	"innkeeper/internal/boundary"
)

// About: what the component says of itself (wit/about.wit), and the services that it has.
//
//	description    40 bytes   sdk-name 0, sdk-version 8, services 16, descriptors 24, view-services 32
//	service        80         name 0, kind (u8) 8, persistence-id 12, snapshot-every 24, passivate-after-ms 28,
//	                          state-type 32, state-version 44, headers 56, views 64, events 72
//	method-view    20         method 0, case (u8) 8, string 12
//	view-service   24         name 0, row-type 8, sources 16
//	source         20         service 0, kind (u8) 8, types 12

const (
	serviceBytes     = 80
	viewBytes        = 20
	viewServiceBytes = 24
	sourceBytes      = 20
)

var (
	descriptorSet string
	services      []innkeeper.Service
)

// Component is what the generated main package knows.
type Component struct {
	// Module and Generated are import paths: of the author's module, and of the package that is generated in it.
	Module, Generated string
	Descriptors       string
	Services          []innkeeper.Service
	// Fault is memory that the host can find.
	Fault []byte
}

// Serve is called once, at start.
func Serve(c *Component) {
	descriptorSet, services = c.Descriptors, c.Services
	ownFolder, generatedFolder, fault = c.Module+"/", c.Generated+"/", c.Fault
}

// Named is the service that the host asks for.
func Named(at, length uint32) *innkeeper.Service {
	name := View(at, length)
	for i := range services {
		if services[i].Name == name {
			return &services[i]
		}
	}
	panic("the host asks only for services that were described")
}

//go:wasmexport innkeeper:guest/about@0.2.0#describe
func describe() uint32 {
	defer Tell()
	answer := Allocate(40)
	PutText(answer, "innkeeper-go")
	PutText(answer+8, innkeeper.Version)
	base, count := allocateList(len(services), serviceBytes), 0
	views, viewCount := allocateList(len(services), viewServiceBytes), 0
	for i := range services {
		if services[i].View != nil {
			putViewService(views+uint32(viewCount)*viewServiceBytes, &services[i])
			viewCount++
		} else {
			putService(base+uint32(count)*serviceBytes, &services[i])
			count++
		}
	}
	PutPair(answer+16, base, count)
	PutText(answer+24, descriptorSet)
	PutPair(answer+32, views, viewCount)
	return answer
}

//go:wasmexport cabi_post_innkeeper:guest/about@0.2.0#describe
func described(uint32) { Release() }

func putService(at uint32, service *innkeeper.Service) {
	options := &service.Options
	PutText(at, service.Name)
	Put8(at+8, uint8(service.Kind))
	PutOptionalText(at+12, options.PersistenceID)
	Put32(at+24, uint32(options.SnapshotEvery))
	Put32(at+28, options.PassivateAfterMs)
	PutOptionalText(at+32, service.StateType)
	PutOptionalText(at+44, options.StateVersion)
	PutNames(at+56, options.Headers)
	putViews(at+64, service.Views)
	PutNames(at+72, sorted(service.Events))
}

func putViewService(at uint32, view *innkeeper.Service) {
	PutText(at, view.Name)
	PutText(at+8, view.RowType)
	base := allocateList(len(view.Sources), sourceBytes)
	for i := range view.Sources {
		source := base + uint32(i)*sourceBytes
		PutText(source, view.Sources[i].Service)
		Put8(source+8, uint8(view.Sources[i].Kind))
		PutNames(source+12, sorted(view.Sources[i].Types))
	}
	PutPair(at+16, base, len(view.Sources))
}

// sorted in place: slices.Sort would be 26 KB of a component.
func sorted(names []string) []string {
	for i := range names {
		for j := i; j > 0 && names[j] < names[j-1]; j-- {
			names[j], names[j-1] = names[j-1], names[j]
		}
	}
	return names
}

// PutNames of a list.
func PutNames(at uint32, names []string) {
	base := allocateList(len(names), 8)
	for i, name := range names {
		PutText(base+uint32(i)*8, name)
	}
	PutPair(at, base, len(names))
}

func putViews(at uint32, views []boundary.MethodView) {
	base := allocateList(len(views), viewBytes)
	for i := range views {
		view := base + uint32(i)*viewBytes
		PutText(view, views[i].Method)
		Put8(view+8, uint8(views[i].View))
		if views[i].View == boundary.ViewElement {
			PutText(view+12, views[i].Field)
		}
	}
	PutPair(at, base, len(views))
}
