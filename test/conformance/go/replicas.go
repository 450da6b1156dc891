package conformance

import (
	"slices"
	"strconv"
	"strings"

	"conformance/gen"
	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/replicated"
)

// all is one of each kind.
type all struct {
	g  *crdt.GCounterView
	p  *crdt.PNCounterView
	gs *crdt.GSetView[string]
	os *crdt.ORSetView[string]
	r  *crdt.LWWRegisterView[string]
	f  *crdt.FlagView
	m  *crdt.ORMapView[string, *crdt.PNCounterView]
	v  *crdt.VoteView
	n  *crdt.ORMapView[string, *crdt.ORSetView[string]]
}

var allKinds = crdt.Record(func(fields crdt.Fields) all {
	return all{
		g:  crdt.Field(fields, "g", crdt.GCounter()),
		p:  crdt.Field(fields, "p", crdt.PNCounter()),
		gs: crdt.Field(fields, "gs", crdt.GSet(crdt.Text)),
		os: crdt.Field(fields, "os", crdt.ORSet(crdt.Text)),
		r:  crdt.Field(fields, "r", crdt.LWWRegister(crdt.Text, "")),
		f:  crdt.Field(fields, "f", crdt.Flag()),
		m:  crdt.Field(fields, "m", crdt.ORMap(crdt.Text, crdt.PNCounter())),
		v:  crdt.Field(fields, "v", crdt.Vote()),
		n:  crdt.Field(fields, "n", crdt.ORMap(crdt.Text, crdt.ORSet(crdt.Text))),
	}
})

// replicas is the model service of replicated values, all kinds in one map.
type replicas struct{}

func (replicas) Do(view all, script *gen.Script, c *replicated.Command[all, *gen.Said]) replicated.Decision {
	var operations []crdt.Operation
	deleted, consistency := false, innkeeper.Local
	done := perform(script, c.Context, showing{knows: &entity{do: gen.ReplicasTickets.Do}}, func(act *gen.Act) {
		switch one := act.Act.(type) {
		case *gen.Act_Clear:
			deleted = true
		case *gen.Act_Consistency:
			if one.Consistency <= uint32(innkeeper.All) {
				consistency = innkeeper.Consistency(one.Consistency)
			}
		case *gen.Act_Change:
			operations = append(operations, operationsOf(view, one.Change)...)
		}
	})
	if done.refusal != nil {
		return c.RefuseWith(done.refusal)
	}
	accepted := c.Accept(operations...)
	if deleted {
		accepted = c.Remove(operations...)
	}
	accepted = withAll(accepted.Consistency(consistency), done)
	if done.forward != nil {
		return accepted.Forward(*done.forward)
	}
	if done.later != nil {
		return waits(accepted.Later, done.later)
	}
	return accepted.ReplyAfter(func(after all) *gen.Said { return done.said(after.String) })
}

func operationsOf(view all, change *gen.Change) []crdt.Operation {
	switch one := change.Change.(type) {
	case *gen.Change_Increment:
		return []crdt.Operation{view.g.Add(one.Increment)}
	case *gen.Change_Add:
		return []crdt.Operation{view.p.Add(one.Add)}
	case *gen.Change_Grow:
		return []crdt.Operation{view.gs.Add(one.Grow)}
	case *gen.Change_Insert:
		return []crdt.Operation{view.os.Add(one.Insert)}
	case *gen.Change_Remove:
		return []crdt.Operation{view.os.Remove(one.Remove)}
	case *gen.Change_Clear:
		return []crdt.Operation{view.os.Clear()}
	case *gen.Change_Assign:
		clock := crdt.ClockDefault
		if one.Assign.Clock <= 3 {
			clock = crdt.Clock(one.Assign.Clock)
		}
		return []crdt.Operation{view.r.SetBy(one.Assign.Value, clock, one.Assign.CustomClock)}
	case *gen.Change_Enable:
		return []crdt.Operation{view.f.Enable()}
	case *gen.Change_Vote:
		return []crdt.Operation{view.v.Vote(one.Vote)}
	case *gen.Change_Count:
		return []crdt.Operation{view.m.At(one.Count.Key).Add(one.Count.By)}
	case *gen.Change_Uncount:
		return []crdt.Operation{view.m.Remove(one.Uncount)}
	case *gen.Change_ClearCounts:
		return []crdt.Operation{view.m.Clear()}
	case *gen.Change_Nest:
		return []crdt.Operation{view.n.At(one.Nest.Key).Add(one.Nest.Element)}
	case *gen.Change_CreateCount:
		return []crdt.Operation{view.m.Create(one.CreateCount)}
	case *gen.Change_CreateNest:
		return []crdt.Operation{view.n.Create(one.CreateNest)}
	case *gen.Change_Unnest:
		return []crdt.Operation{view.n.Remove(one.Unnest)}
	}
	return nil
}

// String is all kinds in one line. Elements and keys come in the order of their bytes.
func (a all) String() string {
	var counts, nested []string
	for key, counter := range a.m.All() {
		counts = append(counts, key+":"+strconv.FormatInt(counter.Value(), 10))
	}
	for key, set := range a.n.All() {
		nested = append(nested, key+":"+strings.Join(slices.Collect(set.All()), "+"))
	}
	return strings.Join([]string{
		"g=" + strconv.FormatUint(a.g.Value(), 10),
		"p=" + strconv.FormatInt(a.p.Value(), 10),
		"gs=" + strings.Join(slices.Collect(a.gs.All()), ","),
		"os=" + strings.Join(slices.Collect(a.os.All()), ","),
		"r=" + a.r.Value(),
		"f=" + strconv.FormatBool(a.f.Enabled()),
		"m=" + strings.Join(counts, ","),
		"v=" + strconv.Itoa(int(a.v.VotesFor())) + "/" + strconv.Itoa(int(a.v.Voters())) + "/" + strconv.FormatBool(a.v.Self()),
		"n=" + strings.Join(nested, ","),
	}, " ")
}
