package innkeepertest

import (
	"slices"

	"innkeeper/internal/boundary"
)

// What waits for time, or for another command, where services meet: effects that are due later, asks, and callers whose ticket is open.
//
//   - What is due is in the order of its time; of equal times what was said first is first.
//   - A name is that of one effect of its entity: a new one takes the place of the old, and a cancel drops it.
//   - Who waits is answered once: by a resolution or by a deadline.

// place is an entity; of an action there is none.
type place struct{ service, entity string }

// promise is what one caller gets, now or later.
type promise struct {
	outcome *boundary.Outcome
	hearing []func(outcome *boundary.Outcome)
}

func (p *promise) settle(outcome *boundary.Outcome) {
	if p.outcome != nil {
		return
	}
	p.outcome = outcome
	for _, hear := range p.hearing {
		hear(outcome)
	}
}

// heardBy is told the outcome, now or as soon as there is one.
func (p *promise) heardBy(hear func(outcome *boundary.Outcome)) {
	if p.outcome == nil {
		p.hearing = append(p.hearing, hear)
	} else {
		hear(p.outcome)
	}
}

type due struct {
	ms float64
	// effect is nil for a deadline.
	effect *boundary.Effect
	from   place
	act    func()
}

type ticket struct {
	at           place
	method, name string
}

type timeline struct {
	due  []due
	open map[ticket][]*promise
}

func (l *timeline) add(one due) {
	after := slices.IndexFunc(l.due, func(other due) bool { return other.ms > one.ms })
	if after < 0 {
		after = len(l.due)
	}
	l.due = slices.Insert(l.due, after, one)
}

// cancel: an effect of this name is no longer pending.
func (l *timeline) cancel(from place, name string) {
	l.due = slices.DeleteFunc(l.due, func(one due) bool {
		return one.effect != nil && one.from == from && one.effect.Name == name
	})
}

// next is what is due by then.
func (l *timeline) next(ms float64) (one due, is bool) {
	if len(l.due) == 0 || l.due[0].ms > ms {
		return due{}, false
	}
	one = l.due[0]
	l.due = slices.Delete(l.due, 0, 1)
	return one, true
}

func (l *timeline) wait(what ticket, who *promise) {
	if l.open == nil {
		l.open = map[ticket][]*promise{}
	}
	l.open[what] = append(l.open[what], who)
}

// resolve answers all who wait; the ticket is no longer open.
func (l *timeline) resolve(what ticket, outcome *boundary.Outcome) {
	waiting := l.open[what]
	delete(l.open, what)
	for _, who := range waiting {
		who.settle(outcome)
	}
}
