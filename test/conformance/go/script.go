package conformance

import (
	"strconv"
	"strings"
	"time"

	"conformance/gen"
	"innkeeper"
)

// What the model services share: acts that mean the same in all of them.

// performed is what a script comes to, once a service knows its state after the command.
type performed struct {
	refusal *innkeeper.Refusal
	forward *innkeeper.Call
	// later is the reply, instead of the pieces.
	later    *gen.Waiting
	effects  []effect
	cancels  []string
	resolves []innkeeper.Resolution
	headers  []innkeeper.Header
	// A piece that is nil is the state, which is not known yet.
	pieces []*string
}

type effect struct {
	call        innkeeper.Call
	synchronous bool
	options     []innkeeper.DeliveryOption
	// Of an entity's.
	name    string
	hearing *innkeeper.Hearing
}

// entity is what a method knows that knows all words of a later time. Without hears it asks nothing.
type entity struct {
	do, heard func(ticket string) innkeeper.Ticket[*gen.Said]
	hears     func(note *gen.Noted) innkeeper.Hearing
}

// showing is what a service knows before the command. Nil: nothing.
type showing struct {
	// knows is nil where a method knows only when effects are due.
	knows *entity
	size  func() string
	has   func() string
}

// perform does the acts of a script, in order. `change` does those that change state.
func perform(script *gen.Script, c *innkeeper.Context, show showing, change func(act *gen.Act)) performed {
	var done performed
	for _, act := range script.Acts {
		switch one := act.Act.(type) {
		case *gen.Act_Say:
			done.pieces = append(done.pieces, &one.Say)
		case *gen.Act_Refuse:
			done.refusal = refusalOf(one.Refuse)
		case *gen.Act_Forward:
			if call, has := callOf(one.Forward); has {
				done.forward, done.later = &call, nil
			}
		case *gen.Act_Effect:
			done.timed(&gen.Timed{Target: one.Effect}, c, show.knows)
		case *gen.Act_Timed:
			done.timed(one.Timed, c, show.knows)
		case *gen.Act_Cancel:
			if one.Cancel != "" && show.knows != nil {
				done.cancels = append(done.cancels, one.Cancel)
			}
		case *gen.Act_Later:
			if one.Later.Ticket != "" && show.knows != nil {
				done.forward, done.later = nil, one.Later
			}
		case *gen.Act_Resolve:
			done.resolve(one.Resolve, show.knows)
		case *gen.Act_Header:
			done.headers = append(done.headers, headersOf(one.Header)...)
		case *gen.Act_Fault:
			if script.Element == "armed" {
				fail(one.Fault)
			}
		case *gen.Act_Ask:
			if one.Ask == gen.Ask_STATE {
				done.pieces = append(done.pieces, nil)
			} else {
				said := asked(one.Ask, c, show)
				done.pieces = append(done.pieces, &said)
			}
		case *gen.Act_Log:
			c.Info(one.Log)
		default:
			change(act)
		}
	}
	return done
}

func (p *performed) timed(timed *gen.Timed, c *innkeeper.Context, knows *entity) {
	if timed.Target == nil {
		return
	}
	call, has := callOf(timed.Target)
	if !has {
		return
	}
	one := effect{call: call, synchronous: timed.Target.Synchronous && timed.Due == nil}
	switch due := timed.Due.(type) {
	case *gen.Timed_After:
		one.options = append(one.options, innkeeper.After(time.Duration(due.After)*time.Microsecond))
	case *gen.Timed_At:
		// Rounded up: the SDK takes whole milliseconds.
		micros := c.Now()*1000 + int64(due.At)
		one.options = append(one.options, innkeeper.At((micros+999)/1000))
	}
	if timed.Within != 0 {
		one.options = append(one.options, within(timed.Within))
	}
	if knows != nil {
		if timed.Asks && knows.hears != nil && timed.Target.Service == "Events" && timed.Target.Method == "Do" {
			hearing := knows.hears(nil)
			if timed.Note != "" {
				hearing = knows.hears(&gen.Noted{Text: timed.Note})
			}
			one.hearing = &hearing
		}
		if !p.named(timed.Name) {
			one.name = timed.Name
		}
	}
	p.effects = append(p.effects, one)
}

// named tells whether an earlier effect has the name.
func (p *performed) named(name string) bool {
	for _, effect := range p.effects {
		if effect.name == name {
			return true
		}
	}
	return false
}

func (p *performed) resolve(resolved *gen.Resolved, knows *entity) {
	if resolved.Ticket == "" || knows == nil {
		return
	}
	var ticket innkeeper.Ticket[*gen.Said]
	switch {
	case resolved.Method == "Do":
		ticket = knows.do(resolved.Ticket)
	case resolved.Method == "Heard" && knows.heard != nil:
		ticket = knows.heard(resolved.Ticket)
	default:
		return
	}
	if resolved.Refuse == nil {
		p.resolves = append(p.resolves, ticket.Reply(&gen.Said{Text: resolved.Text}))
		return
	}
	refusal := refusalOf(resolved.Refuse)
	p.resolves = append(p.resolves, ticket.Refuse(refusal.Code, refusal.Message, refusal.Details...))
}

func within(micros uint32) innkeeper.Limit {
	return innkeeper.Within(time.Duration(micros) * time.Microsecond)
}

// heardOf is what Heard makes of an answer.
func heardOf(answered *gen.Answered) string {
	note := ""
	if answered.Note != nil {
		note = answered.Note.Text
	}
	switch outcome := answered.Outcome.(type) {
	case *gen.Answered_Reply:
		return note + "=" + outcome.Reply.Text
	case *gen.Answered_Failure:
		return note + "!" + innkeeper.ReasonOf(outcome.Failure).String()
	}
	return note + "!" + innkeeper.ReasonUnknown.String()
}

func (p performed) said(state func() string) *gen.Said {
	words := make([]string, len(p.pieces))
	for i, piece := range p.pieces {
		if piece == nil {
			words[i] = state()
		} else {
			words[i] = *piece
		}
	}
	return &gen.Said{Text: strings.Join(words, " ")}
}

// accepting is what c.Accept and its like give, of every kind.
type accepting[A, Option any] interface {
	Effect(call innkeeper.Call, options ...Option) A
	SynchronousEffect(call innkeeper.Call, options ...Option) A
	Metadata(header innkeeper.Header) A
}

// acceptingEntity is what it gives of an entity.
type acceptingEntity[A any] interface {
	accepting[A, innkeeper.EffectOption]
	Ask(call innkeeper.Call, hearing innkeeper.Hearing, options ...innkeeper.EffectOption) A
	Cancel(names ...string) A
	Resolve(resolution innkeeper.Resolution) A
}

// withAll is the answer of an entity with the words and the metadata of the script.
func withAll[A acceptingEntity[A]](answer A, done performed) A {
	for _, effect := range done.effects {
		var options []innkeeper.EffectOption
		for _, option := range effect.options {
			options = append(options, option)
		}
		if effect.name != "" {
			options = append(options, innkeeper.Named(effect.name))
		}
		switch {
		case effect.hearing != nil:
			answer = answer.Ask(effect.call, *effect.hearing, options...)
		case effect.synchronous:
			answer = answer.SynchronousEffect(effect.call, options...)
		default:
			answer = answer.Effect(effect.call, options...)
		}
	}
	answer = answer.Cancel(done.cancels...)
	for _, resolution := range done.resolves {
		answer = answer.Resolve(resolution)
	}
	return withHeaders(answer, done)
}

// withDeliveries is the answer of an action with the effects and the metadata of the script.
func withDeliveries[A accepting[A, innkeeper.DeliveryOption]](answer A, done performed) A {
	for _, effect := range done.effects {
		if effect.synchronous {
			answer = answer.SynchronousEffect(effect.call, effect.options...)
		} else {
			answer = answer.Effect(effect.call, effect.options...)
		}
	}
	return withHeaders(answer, done)
}

func withHeaders[A interface{ Metadata(innkeeper.Header) A }](answer A, done performed) A {
	for _, header := range done.headers {
		answer = answer.Metadata(header)
	}
	return answer
}

func refusalOf(refusal *gen.Refusal) *innkeeper.Refusal {
	code := innkeeper.Unknown
	if 1 <= refusal.Code && refusal.Code <= 16 {
		code = innkeeper.Code(refusal.Code)
	}
	if refusal.Detail == "" {
		return innkeeper.Refuse(code, refusal.Message)
	}
	return innkeeper.Refuse(code, refusal.Message, &gen.Noted{Text: refusal.Detail})
}

func headersOf(header *gen.Header) []innkeeper.Header {
	switch {
	case !strings.HasPrefix(header.Name, "x-"):
		return nil
	case strings.HasSuffix(strings.ToLower(header.Name), "-bin"):
		return []innkeeper.Header{innkeeper.Binary(header.Name, header.Data)}
	}
	return []innkeeper.Header{innkeeper.Text(header.Name, header.Text)}
}

func asked(ask gen.Ask, c *innkeeper.Context, show showing) string {
	switch ask {
	case gen.Ask_NOW:
		return strconv.FormatInt(c.Now(), 10)
	case gen.Ask_RANDOM:
		return strconv.FormatUint(uint64(c.Random()*(1<<32)), 10)
	case gen.Ask_UUID:
		return c.UUID()
	case gen.Ask_ENTITY:
		return orNone(c.Entity())
	case gen.Ask_METADATA:
		var entries []string
		for _, header := range c.Headers() {
			value := header.Text
			if header.Binary() {
				value = hexadecimal(header.Data)
			}
			entries = append(entries, header.Name+"="+value)
		}
		return orNone(strings.Join(entries, ","))
	case gen.Ask_SIZE:
		if show.size != nil {
			return show.size()
		}
	case gen.Ask_HAS:
		if show.has != nil {
			return show.has()
		}
	}
	return "-"
}

// hexadecimal, without encoding/hex: that brings fmt along, which is 1.2 MB.
func hexadecimal(data []byte) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 2*len(data))
	for _, b := range data {
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func fail(fault gen.Fault) {
	switch fault {
	case gen.Fault_TRAP:
		panic("armed to fail")
	case gen.Fault_LOOP:
		for {
		}
	case gen.Fault_GROW:
		var kept [][]byte
		for {
			piece := make([]byte, 1<<20)
			for i := range piece {
				piece[i] = byte(len(kept))
			}
			kept = append(kept, piece)
		}
	}
}

// callOf a method of the model services, by the names that a script uses.
func callOf(target *gen.Target) (call innkeeper.Call, has bool) {
	script := target.Script
	if script == nil {
		script = &gen.Script{}
	}
	switch target.Service + "/" + target.Method {
	case "Events/Do":
		return gen.Events.Do(script), true
	case "Values/Do":
		return gen.Values.Do(script), true
	case "Replicas/Do":
		return gen.Replicas.Do(script), true
	case "Members/Do":
		return gen.Members.Do(script), true
	case "Members/Open":
		return gen.Members.Open(script), true
	case "Actions/Do":
		return gen.Actions.Do(script), true
	case "Actions/Count":
		return gen.Actions.Count(script), true
	}
	return innkeeper.Call{}, false
}

// waits is the answer of a script whose reply comes later.
func waits[D any](later func(ticket string, within ...innkeeper.Limit) D, waiting *gen.Waiting) D {
	if waiting.Within == 0 {
		return later(waiting.Ticket)
	}
	return later(waiting.Ticket, within(waiting.Within))
}
