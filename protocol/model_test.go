package protocol

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// The model test drives the state machine and the Outbound, without any actor,
// through random sequences of what can happen to them, and checks after every
// step what must always hold. `go test ./protocol -run Model -model.seed N` runs
// the sequence of a failure again.
var (
	modelSeed  = flag.Uint64("model.seed", 0, "run one sequence with this seed")
	modelSteps = flag.Int("model.steps", 1_200_000, "how many steps to make")
)

func TestModel(t *testing.T) {
	if *modelSeed != 0 {
		newModel(t, *modelSeed).run()
		return
	}
	steps := *modelSteps
	if testing.Short() {
		steps /= 10
	}
	first := rand.Uint64()>>16 | 1
	for i := uint64(0); steps > 0 && !t.Failed(); i++ {
		steps -= newModel(t, first+i).run()
	}
}

// model is a connection whose actors, stream and clock are played by dice.
type model struct {
	t    *testing.T
	seed uint64
	*rand.Rand
	log []string

	m        *Machine
	out      *Outbound
	now      time.Time
	timers   map[Timer]bool
	inflight bool // the writer has taken something
	wroteOff []byte
	halfDue  bool // the write side has to be ended
	woken    bool
	dead     bool // the stream was dropped
	readEnd  bool // the reader has told the end
	discard  bool

	state    messages.State
	refs     map[uint64]string // accepted sends without an answer
	taken    map[uint64]bool   // sends that the writer has taken
	nextRef  uint64
	pings    map[int]bool // accepted by Measure, without an answer
	nextPing int
	ended    int
	closed   int

	// What the server has seen.
	frames      *wire.Decoder
	inMessage   bool
	closeSeen   bool
	closeSentTo bool // the server has sent its Close
}

func newModel(t *testing.T, seed uint64) *model {
	r := rand.New(rand.NewPCG(seed, seed))
	md := &model{
		t: t, seed: seed, Rand: r,
		now:    time.Unix(0, 0),
		timers: map[Timer]bool{},
		refs:   map[uint64]string{},
		taken:  map[uint64]bool{},
		pings:  map[int]bool{},
		frames: &wire.Decoder{Role: wire.Server},
		state:  messages.StateOpen,
	}
	md.out = NewOutbound(1+r.IntN(20), 1+r.IntN(4000))
	md.out.Attach(func(bool) { md.woken = true })
	cfg := Config{Epoch: 1, CloseTimeout: 5 * time.Second, PongTimeout: time.Second, PingMisses: r.IntN(3)}
	if r.IntN(2) == 0 {
		cfg.PingInterval = 10 * time.Second
	}
	md.m = New(cfg, md.out, md.now)
	md.carryOut()
	return md
}

func (md *model) failf(format string, args ...any) {
	md.t.Helper()
	for _, line := range md.log {
		md.t.Log(line)
	}
	md.t.Fatalf("seed %d: %s", md.seed, fmt.Sprintf(format, args...))
}

func (md *model) note(format string, args ...any) {
	md.log = append(md.log, fmt.Sprintf(format, args...))
}

// run plays one connection to its end and returns how many steps that took.
func (md *model) run() int {
	length := 20 + md.IntN(300)
	steps := 0
	for ; steps < length && md.ended == 0; steps++ {
		md.step()
		md.check()
	}
	// From here on nothing new happens: the timers have to bring the end.
	for md.ended == 0 {
		steps++
		if steps > length+1000 {
			md.failf("the connection does not end")
		}
		if !md.closeSentTo && md.m.state == messages.StateOpen {
			md.note("eof")
			md.received(&Read{}, nil, io.EOF)
		}
		md.write(1)
		for kind := range Timers {
			if md.timers[kind] && md.Bool() {
				md.fire(kind)
			}
		}
		md.check()
	}
	for range 10 { // what comes after the end changes nothing
		md.step()
		md.check()
	}
	if len(md.refs) > 0 {
		md.failf("accepted sends without an answer: %v", md.refs)
	}
	if len(md.pings) > 0 {
		md.failf("pings whose waiters were not told: %v", md.pings)
	}
	if md.closed != 1 || md.ended != 1 {
		md.failf("%d Closed events and %d Ended messages, want one of each", md.closed, md.ended)
	}
	return steps + 10
}

func (md *model) Bool() bool { return md.IntN(2) == 0 }

func (md *model) data(valid bool) []byte {
	n := md.IntN(200)
	switch md.IntN(20) {
	case 0:
		n = 0
	case 1:
		n = md.IntN(3000)
	}
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(md.IntN(256))
		if valid {
			p[i] &= 0x7f
		}
	}
	return p
}

// accepted registers a send whose answer is owed.
func (md *model) accept(what string) Reply {
	md.nextRef++
	md.refs[md.nextRef] = what
	return Reply{To: md, Ref: md.nextRef}
}

func (md *model) refused(reply Reply, err error) {
	if err != nil {
		md.note("  refused: %v", err)
		md.answer(Outcome{reply, err})
	}
}

func (md *model) answer(o Outcome) {
	if o.Reply.Ref == 0 {
		return
	}
	if _, owed := md.refs[o.Reply.Ref]; !owed {
		md.failf("send %d was answered twice, now with %v", o.Reply.Ref, o.Err)
	}
	// What the writer had taken may have arrived, and nothing else.
	taken, unconfirmed := md.taken[o.Reply.Ref], errors.Is(o.Err, messages.ErrUnconfirmed)
	if taken != (o.Err == nil || unconfirmed) {
		md.failf("send %d, taken by the writer %v, is answered with %v", o.Reply.Ref, taken, o.Err)
	}
	delete(md.refs, o.Reply.Ref)
}

func (md *model) step() {
	md.now = md.now.Add(time.Duration(md.IntN(100)) * time.Millisecond)
	switch n := md.IntN(100); {
	case n < 15:
		text := md.data(md.IntN(5) > 0)
		reply := md.accept("text")
		md.note("SendText %d B as %d", len(text), reply.Ref)
		md.refused(reply, md.out.SendText(string(text), reply))
	case n < 22:
		reply := md.accept("binary")
		data := md.data(false)
		md.note("SendBinary %d B as %d", len(data), reply.Ref)
		md.refused(reply, md.out.Send(messages.KindBinary, data, reply))
	case n < 40:
		f := &messages.SendFragment{Stream: uint64(md.IntN(3)), Kind: messages.Kind(1 + md.IntN(2)),
			First: md.IntN(3) == 0, Final: md.IntN(3) == 0, Data: md.data(true)}
		reply := md.accept("fragment")
		md.note("SendFragment stream %d first %v final %v as %d", f.Stream, f.First, f.Final, reply.Ref)
		md.refused(reply, md.out.SendFragment(Sender{}, f, reply))
	case n < 43:
		reply := md.accept("ping")
		md.note("Ping as %d", reply.Ref)
		md.refused(reply, md.m.Ping([]byte{byte(md.IntN(4))}, reply, md.now))
	case n < 45:
		md.nextPing++
		md.note("Measure %d", md.nextPing)
		if err := md.m.Measure(md.nextPing, md.now); err != nil {
			md.note("  refused: %v", err)
		} else {
			md.pings[md.nextPing] = true
		}
	case n < 47:
		reply := md.accept("pong")
		md.note("Pong as %d", reply.Ref)
		md.refused(reply, md.out.Pong(md.data(true)[:0], reply))
	case n < 65:
		md.write(md.IntN(3))
	case n < 88:
		md.serverFrames()
	case n < 90:
		cmd := &messages.Close{Code: []wire.StatusCode{0, 1000, 1001, 4000, 1005, 999}[md.IntN(6)]}
		if md.IntN(6) == 0 {
			cmd.Reason = string(md.data(false))
		}
		reply := md.accept("close")
		md.note("Close %d as %d", cmd.Code, reply.Ref)
		md.m.Close(cmd, reply)
	case n < 91:
		cmd := &messages.FailConnection{Code: []wire.StatusCode{0, 1008, 1011, 1006}[md.IntN(4)]}
		md.note("FailConnection %d", cmd.Code)
		md.m.FailConnection(cmd, md.now)
	case n < 92:
		md.note("read fails")
		md.received(&Read{}, nil, errors.New("reset"))
	default:
		if len(md.timers) > 0 {
			kind := Timer(md.IntN(int(Timers)))
			if md.timers[kind] {
				md.fire(kind)
			}
		}
	}
	md.carryOut()
}

func (md *model) fire(kind Timer) {
	md.note("timer %s", kind)
	delete(md.timers, kind)
	md.m.TimedOut(kind, Traffic{Reads: md.Uint64N(3), Throttled: md.IntN(8) == 0, Throttles: md.Uint64N(2)}, md.now)
	md.carryOut()
}

// serverFrames is a batch of what the server sends.
func (md *model) serverFrames() {
	b := &Read{}
	for range 1 + md.IntN(4) {
		var item wire.Item
		switch n := md.IntN(40); {
		case n < 20:
			item = wire.Item{Opcode: wire.OpText, First: true, Final: true}
		case n < 28:
			item = wire.Item{Opcode: wire.OpPing, Payload: []byte{byte(n)}}
		case n < 34:
			item = wire.Item{Opcode: wire.OpPong, Payload: []byte{byte(md.IntN(4))}}
		case n < 38 && len(md.m.pings) > 0:
			item = wire.Item{Opcode: wire.OpPong, Payload: md.m.pings[md.IntN(len(md.m.pings))].data}
		case n == 38:
			md.received(b, &wire.ProtocolError{What: "for the test", Section: "RFC 6455 §5.2", Code: wire.StatusProtocolError}, nil)
			return
		case n == 39:
			item = wire.Item{Opcode: wire.OpClose, Code: []wire.StatusCode{1000, 1001, wire.StatusNoStatus, 4001}[md.IntN(4)]}
			b.Items = append(b.Items, item)
			md.closeSentTo = true
			var end error
			if md.Bool() {
				end = io.EOF
			}
			md.received(b, nil, end)
			return
		}
		if item.Opcode != 0 {
			b.Items = append(b.Items, item)
		}
	}
	md.received(b, nil, nil)
}

func (md *model) received(b *Read, violation, end error) {
	if md.readEnd || md.discard && end == nil {
		return // the reader does not look at it any more
	}
	what := "received"
	for _, item := range b.Items {
		b.Control = b.Control || item.Opcode.IsControl()
		what += " " + item.Opcode.String()
	}
	md.note("%s, violation %v, end %v", what, violation != nil, end)
	md.readEnd = end != nil
	md.discard = md.discard || violation != nil
	md.m.Received(b, md.now)
	for _, item := range b.Items {
		if item.Opcode == wire.OpClose {
			md.failf("a Close is given to the user")
		}
	}
	if violation != nil || end != nil {
		md.m.ReadEnded(violation, end, md.now)
	}
	md.carryOut()
}

// write plays the writer: it takes, finishes or fails a write.
func (md *model) write(how int) {
	if md.dead {
		if md.inflight { // the write fails because the stream is gone
			md.inflight = false
			md.m.Wrote(Written{Err: errors.New("closed")}, md.now)
			md.carryOut()
		}
		if !md.readEnd {
			md.received(&Read{}, nil, errors.New("closed"))
		}
		return
	}
	if !md.inflight {
		for _, buf := range md.out.Take(nil) {
			md.inflight = true
			md.wroteOff = append(md.wroteOff, buf...)
		}
		for _, c := range md.out.inflight {
			for _, r := range c.replies {
				md.taken[r.Ref] = true
			}
		}
		if !md.inflight {
			md.woken = false
			if md.halfDue {
				md.halfDue = false
				md.note("write side ended")
				md.m.Wrote(Written{Ended: true, Whole: md.IntN(4) == 0}, md.now)
				md.carryOut()
			}
		}
		return
	}
	switch {
	case how == 2 && md.IntN(20) == 0:
		md.note("write fails")
		md.inflight = false
		md.dead = true
		md.m.Wrote(Written{Err: errors.New("broken pipe")}, md.now)
	case how > 0:
		md.note("written %d B", len(md.wroteOff))
		md.inflight = false
		md.serverReads(md.wroteOff)
		md.wroteOff = nil
		before := md.out.CloseWritten()
		for _, o := range md.out.Wrote(nil) {
			md.answer(o)
		}
		if !before && md.out.CloseWritten() {
			md.m.Wrote(Written{}, md.now)
		}
	}
	md.carryOut()
}

// serverReads checks every frame that reaches the server.
func (md *model) serverReads(p []byte) {
	for len(p) > 0 {
		pc, n, ok, err := md.frames.Next(p)
		p = p[n:]
		if err != nil {
			md.failf("the server got %v", err)
		}
		if !ok || !pc.End {
			continue
		}
		h := pc.Header
		switch {
		case md.closeSeen && h.Opcode != wire.OpPong:
			md.failf("%s frame after Close", h.Opcode)
		case h.Opcode.IsControl():
			if !h.Fin || h.Length > 125 {
				md.failf("control frame %+v", h)
			}
			switch h.Opcode {
			case wire.OpClose:
				md.closeSeen = true
			}
		case h.Opcode == wire.OpContinuation && !md.inMessage, h.Opcode != wire.OpContinuation && md.inMessage:
			md.failf("fragments of two messages are mixed: %+v", h)
		default:
			md.inMessage = !h.Fin
		}
	}
}

// carryOut plays the protocol actor.
func (md *model) carryOut() {
	for _, e := range md.m.Effects() {
		switch e.Kind {
		case EffectEmit:
			if md.ended > 0 {
				md.failf("event %T after the end", e.Event)
			}
			if _, ok := e.Event.(*messages.Closed); ok {
				md.closed++
			} else if md.closed > 0 {
				md.failf("event %T after Closed", e.Event)
			}
		case EffectReply:
			for _, o := range e.Outcomes {
				md.answer(o)
			}
		case EffectPong:
			if n := e.Waiter.(int); md.pings[n] {
				delete(md.pings, n)
			} else {
				md.failf("ping %d was answered twice", n)
			}
		case EffectSetTimer:
			md.timers[e.Timer] = true
		case EffectStopTimer:
			delete(md.timers, e.Timer)
		case EffectDiscard:
			md.discard = true
		case EffectHalfClose:
			md.halfDue = true
		case EffectCloseStream:
			md.dead = true
		case EffectEnd:
			md.ended++
			if md.closed != 1 {
				md.failf("Ended without Closed")
			}
			if e.Err.Clean && (!md.closeSeen || !md.closeSentTo) {
				md.failf("clean end without both Close frames")
			}
		}
	}
}

// check looks at what must hold after every step.
func (md *model) check() {
	md.t.Helper()
	if md.m.state < md.state {
		md.failf("state went from %v back to %v", md.state, md.m.state)
	}
	md.state = md.m.state
	md.flags()
	msgs, bytes := md.out.Queued()
	if msgs < 0 || bytes < 0 {
		md.failf("queue counts %d messages and %d bytes", msgs, bytes)
	}
	if msgs > 2*md.out.maxMsgs { // what waits for a message in fragments does not keep that from going on
		md.failf("queue holds %d messages, limit %d", msgs, md.out.maxMsgs)
	}
	if md.out.pending && !md.woken && !md.inflight && !md.dead {
		md.failf("something is queued and the writer was not woken")
	}
}

// flags checks which of the flags that describe the closing handshake exclude each other.
func (md *model) flags() {
	m := md.m
	written := m.out.CloseWritten()
	ends := m.closeReceived || m.readEnded || m.closeSent || m.writeEnded || m.failing
	for what, bad := range map[string]bool{
		"a sign of the end in OPEN":              m.state == messages.StateOpen && (ends || written),
		"a Close was written and not queued":     written && !m.closeSent,
		"CLOSING without a Close or a failure":   m.state == messages.StateClosing && !m.closeSent && !m.writeEnded,
		"failing after the server's Close":       m.state == messages.StateClosing && m.failing && m.closeReceived,
		"CLOSING though both sides have ended":   m.state == messages.StateClosing && m.readEnded && (m.writeEnded || written && !m.failing),
		"CLOSED without any sign of the end":     m.state == messages.StateClosed && !ends,
		"the read side has ended in silent OPEN": m.state == messages.StateOpen && md.readEnd,
	} {
		if bad {
			md.failf("%s: closeReceived %v, readEnded %v, closeSent %v, written %v, writeEnded %v, failing %v",
				what, m.closeReceived, m.readEnded, m.closeSent, written, m.writeEnded, m.failing)
		}
	}
}
