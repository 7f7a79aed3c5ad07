package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// The model test drives a Machine and its Outbound through random sequences of what can
// happen to them, and checks after every step what must always hold.
// `go test ./protocol -run Model -model.seed N` runs the sequence of a failure again.
var (
	modelSeed  = flag.Uint64("model.seed", 0, "run one sequence with this seed")
	modelSteps = flag.Int("model.steps", 400_000, "how many steps to make")
)

func TestModel(t *testing.T) {
	if *modelSeed != 0 {
		newModel(t, *modelSeed, true).run()
		return
	}
	steps := *modelSteps
	if testing.Short() {
		steps /= 10
	}
	first := rand.Uint64()>>16 | 1
	for i := uint64(0); steps > 0 && !t.Failed(); i++ {
		steps -= newModel(t, first+i, false).run()
	}
}

// model is a connection whose actors, stream and clock are played by dice.
type model struct {
	t    *testing.T
	seed uint64
	*rand.Rand
	logs bool // what happens

	m      *Machine
	out    *Outbound
	shown  atomic.Uint32
	now    time.Time
	timers map[Timer]bool
	events []any
	ended  *Effect
	before struct { // the last check
		state    messages.State
		received received
		sent     sent
	}

	// The writer and the stream.
	taken  []byte  // by the writer, not written yet
	news   []Input // of the writer, not handled yet
	half   bool    // the write side is to be ended
	halved bool
	woken  bool
	failed bool // a write has failed
	dead   bool // the stream was dropped
	stuck  bool // the reader stays blocked when a write has failed

	// What is sent.
	sends   map[uint64]*send // that were accepted, by Ref
	control []*send          // control frames, in order
	line    []*send          // data frames in the order in which they have to arrive
	parked  []*send          // those that wait for their turn
	turn    *send            // of a message in fragments that is not finished
	largest int              // payload
	waiters map[int]bool     // of Measure, not answered
	nextRef uint64

	// The server.
	frames    []byte // not parsed yet
	arrived   int    // of line
	closed    *[]byte
	pings     [][]byte // of the user, not arrived
	pongs     [][]byte // owed to the server or sent by the user, not arrived
	probe     uint64   // the last Ping of the machine itself
	serverNo  int
	received  uint64 // its messages
	said      bool   // its Close
	saidCode  wire.StatusCode
	readEnded bool
	discard   bool
}

// send is something that was accepted.
type send struct {
	what     string
	op       wire.Opcode
	fin      bool
	stream   int // 0: not in fragments
	payload  []byte
	data     bool
	taken    bool
	arrived  bool
	answered bool
	err      error
}

func newModel(t *testing.T, seed uint64, logs bool) *model {
	r := rand.New(rand.NewPCG(seed, seed))
	md := &model{
		t: t, seed: seed, Rand: r, logs: logs,
		now:     time.Unix(0, 0),
		timers:  map[Timer]bool{},
		sends:   map[uint64]*send{},
		waiters: map[int]bool{},
		stuck:   r.IntN(3) == 0,
	}
	limit := 1 + r.IntN(4000)
	if r.IntN(8) == 0 {
		limit = 100 << 10
	}
	md.out = NewOutbound(1+r.IntN(20), limit)
	md.out.Attach(func(Wake) { md.woken = true })
	cfg := Config{
		Shown: &md.shown, Epoch: 1, CloseTimeout: 5 * time.Second,
		PongTimeout: time.Second, PingMisses: r.IntN(3), FirstPing: r.Uint64() >> 1,
	}
	if r.IntN(2) == 0 {
		cfg.PingInterval = 10 * time.Second
	}
	md.probe = cfg.FirstPing
	md.shown.Store(uint32(messages.StateOpen))
	md.before.state = messages.StateOpen
	md.m = New(cfg, md.out, md.now)
	md.carryOut()
	return md
}

func (md *model) failf(format string, args ...any) {
	md.t.Helper()
	if !md.logs { // once more, to see how it came about
		newModel(md.t, md.seed, true).run()
	}
	md.t.Fatalf("seed %d: %s", md.seed, fmt.Sprintf(format, args...))
}

func (md *model) note(format string, args ...any) {
	if md.logs {
		md.t.Helper()
		md.t.Logf(format, args...)
	}
}

func (md *model) oneIn(n int) bool { return md.IntN(n) == 0 }

// run plays one connection to its end and returns how many steps that took.
func (md *model) run() int {
	length := 20 + md.IntN(300)
	steps := 0
	for ; steps < length && md.ended == nil; steps++ {
		md.act()
		md.check()
	}
	// From here on nothing new happens. The stream ends, or the timers have to bring
	// the end.
	for md.ended == nil {
		steps++
		if steps > length+1000 {
			md.failf("the connection does not end")
		}
		if !md.readEnded && md.m.state == messages.StateOpen && !md.failed {
			md.note("end of the stream")
			md.end(io.EOF)
		}
		md.write(1)
		for timer := range Timers {
			if md.timers[timer] && md.oneIn(2) {
				md.fire(timer)
			}
		}
		md.check()
	}
	md.settled()
	for range 10 { // what comes after the end changes nothing
		md.act()
		for timer := range Timers {
			md.fire(timer)
		}
		md.check()
	}
	md.settled()
	return steps + 10
}

// settled checks what must hold after the end.
func (md *model) settled() {
	unsent := 0
	for ref, s := range md.sends {
		if !s.answered {
			md.failf("%s %d was accepted and is not answered", s.what, ref)
		}
		if s.data {
			unsent++
		}
	}
	unsent -= int(md.out.Written().Messages)
	if len(md.waiters) > 0 {
		md.failf("whoever waits for a Pong was not told: %v", md.waiters)
	}
	if msgs, bytes := md.out.Queued(); msgs != 0 || bytes != 0 {
		md.failf("after the end the queue counts %d messages and %d bytes", msgs, bytes)
	}
	closed, ok := md.events[len(md.events)-1].(*messages.Closed)
	switch {
	case !ok:
		md.failf("the last event is %T", md.events[len(md.events)-1])
	case closed.Unsent != unsent:
		md.failf("%d accepted messages were not written, Closed counts %d", unsent, closed.Unsent)
	case closed.Err != md.ended.Err:
		md.failf("Closed and the owner get different errors")
	}
	err := md.ended.Err
	if err.Clean != (md.said && md.closed != nil) {
		md.failf("clean %v, Close of the server %v, ours %v", err.Clean, md.said, md.closed != nil)
	}
	if err.Clean != (err.Cause == nil) {
		md.failf("clean %v with cause %v", err.Clean, err.Cause)
	}
	if md.said && err.Code != md.saidCode || !md.said && err.Code != wire.StatusAbnormal {
		md.failf("code %d, the server's Close has %d", err.Code, md.saidCode)
	}
	if md.closed != nil {
		want := wire.StatusNoStatus
		if p := *md.closed; len(p) > 0 {
			want = wire.StatusCode(binary.BigEndian.Uint16(p))
			if reason := string(p[2:]); reason != err.SentReason {
				md.failf("the server got reason %q, SentReason is %q", reason, err.SentReason)
			}
		}
		if err.SentCode != want {
			md.failf("the server got code %d, SentCode is %d", want, err.SentCode)
		}
	}
}

// payload is something to send. It is ASCII if valid is set, else hardly.
func (md *model) payload(valid bool) []byte {
	n := md.IntN(200)
	switch md.IntN(100) {
	case 0, 1, 2, 3, 4:
		n = 0
	case 5, 6, 7, 8, 9:
		n = md.IntN(3000)
	case 10:
		n = largeMessage - 1 + md.IntN(3)
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

// try makes a send that may be refused. Its payload is changed afterwards, as its owner may.
func (md *model) try(s *send, f func(payload []byte, reply Reply) error) {
	md.nextRef++
	ref := md.nextRef
	mine := bytes.Clone(s.payload)
	md.note("%s %d of %d B, stream %d, final %v", s.what, ref, len(mine), s.stream, s.fin)
	md.sends[ref] = s
	err := f(mine, Reply{To: md, Ref: ref, Awaited: md.oneIn(2)})
	for i := range mine {
		mine[i] = '#'
	}
	if err != nil {
		md.note("  refused: %v", err)
		delete(md.sends, ref)
		return
	}
	switch {
	case s.data:
		md.largest = max(md.largest, len(s.payload))
		md.place(s)
	case s.op == wire.OpPing:
		md.pings = append(md.pings, s.payload)
	case s.op == wire.OpPong:
		md.pongs = append(md.pongs, s.payload)
	}
	if !s.data {
		md.control = append(md.control, s)
	}
}

// place finds the place of a data frame: messages go in the order in which they begin,
// and one in fragments is not interrupted (§5.4).
func (md *model) place(s *send) {
	if md.turn != nil && (s.stream == 0 || s.stream != md.turn.stream) {
		md.parked = append(md.parked, s)
		return
	}
	md.line = append(md.line, s)
	md.turn = nil
	if !s.fin {
		md.turn = s
	}
	for i, p := range md.parked {
		if md.turn == nil || p.stream != 0 && p.stream == md.turn.stream {
			md.parked = slices.Delete(md.parked, i, i+1)
			md.place(p)
			return
		}
	}
}

func (md *model) answer(o Outcome) {
	s := md.sends[o.Reply.Ref]
	if o.Reply.To != any(md) || s == nil {
		md.failf("answer to %v, send %d, which is not there", o.Reply.To, o.Reply.Ref)
	}
	if s.answered {
		md.failf("%s %d is answered with %v and then with %v", s.what, o.Reply.Ref, s.err, o.Err)
	}
	s.answered, s.err = true, o.Err
	unconfirmed := errors.Is(o.Err, messages.ErrUnconfirmed)
	switch {
	case s.taken != (o.Err == nil || unconfirmed): // it may have arrived, and nothing else
		md.failf("%s %d, taken by the writer %v, is answered with %v", s.what, o.Reply.Ref, s.taken, o.Err)
	case o.Err == nil && !s.arrived:
		md.failf("%s %d is answered as written and has not arrived", s.what, o.Reply.Ref)
	case o.Err != nil && !unconfirmed && s.arrived:
		md.failf("%s %d has arrived and is answered with %v", s.what, o.Reply.Ref, o.Err)
	}
}

// act lets one thing happen.
func (md *model) act() {
	md.now = md.now.Add(time.Duration(md.IntN(100)) * time.Millisecond)
	switch n := md.IntN(100); {
	case n < 15:
		s := &send{what: "text", op: wire.OpText, fin: true, data: true, payload: md.payload(!md.oneIn(5))}
		md.try(s, func(p []byte, r Reply) error {
			if md.oneIn(2) {
				return md.out.Send(messages.KindText, p, r)
			}
			return md.out.SendText(string(p), r)
		})
	case n < 22:
		s := &send{what: "binary", op: wire.OpBinary, fin: true, data: true, payload: md.payload(false)}
		md.try(s, func(p []byte, r Reply) error { return md.out.Send(messages.KindBinary, p, r) })
	case n < 40:
		f := &messages.SendFragment{Stream: uint64(md.IntN(3)), Kind: messages.Kind(1 + md.IntN(2)), First: md.oneIn(3), Final: md.oneIn(3)}
		s := &send{what: "fragment", op: wire.OpContinuation, fin: f.Final, stream: 1 + int(f.Stream), data: true, payload: md.payload(!md.oneIn(4))}
		if f.First {
			s.op = f.Kind.Opcode()
		}
		var sender Sender
		if md.oneIn(2) { // a stream of another sender with the same number
			sender.ID = "a"
			s.stream += 10
		}
		md.try(s, func(p []byte, r Reply) error {
			f.Data = p
			return md.out.SendFragment(sender, f, r)
		})
	case n < 43:
		s := &send{what: "ping", op: wire.OpPing, fin: true, payload: []byte{byte(md.IntN(4))}}
		md.try(s, func(p []byte, r Reply) error { return md.m.Ping(p, r, md.now) })
	case n < 45:
		md.nextRef++
		waiter := int(md.nextRef)
		md.note("measure %d", waiter)
		if err := md.m.Measure(waiter, md.now); err != nil {
			md.note("  refused: %v", err)
		} else {
			md.waiters[waiter] = true
		}
	case n < 47:
		s := &send{what: "pong", op: wire.OpPong, fin: true, payload: fmt.Appendf(nil, "user %d", md.nextRef)}
		md.try(s, func(p []byte, r Reply) error { return md.out.Pong(p, r) })
	case n < 65:
		md.write(md.IntN(3))
	case n < 88:
		md.serverFrames()
	case n < 90:
		in := Close{Code: []wire.StatusCode{0, 1000, 1001, 4000, 1005, 999}[md.IntN(6)]}
		if md.oneIn(6) {
			in.Reason = string(md.payload(false))
		}
		md.try(&send{what: "close", op: wire.OpClose}, func(_ []byte, r Reply) error {
			in.Reply = r
			md.step(in)
			return nil
		})
	case n < 91:
		md.step(Fail{Code: []wire.StatusCode{0, 1008, 1011, 1006}[md.IntN(4)]})
	case n < 92:
		md.end(errors.New("reset"))
	default:
		if timer := Timer(md.IntN(int(Timers))); md.timers[timer] {
			md.fire(timer)
		}
	}
}

// step hands an input to the machine.
func (md *model) step(in Input) {
	if _, read := in.(*Read); !read && md.logs {
		md.note("%T %+v", in, in)
	}
	md.m.Step(in, md.now)
	md.carryOut()
}

func (md *model) fire(timer Timer) {
	delete(md.timers, timer)
	md.step(TimedOut{timer, Traffic{Reads: md.Uint64N(3), Throttled: md.oneIn(8), Throttles: md.Uint64N(2)}})
}

// end plays the reader that finds the end of the stream.
func (md *model) end(err error) {
	if md.readEnded || md.failed && md.stuck {
		return
	}
	md.readEnded = true
	before := md.m.state
	md.step(EndOfStream{err})
	if before != messages.StateClosed && !md.m.received.end() {
		md.failf("the end of the stream is not noted")
	}
}

// serverFrames is what the server sends with one read.
func (md *model) serverFrames() {
	if md.readEnded || md.discard || md.failed && md.stuck {
		return
	}
	r := &Read{}
	var violation error
	var keep int // how many items have to be left for the user
	listens := md.m.state != messages.StateClosed && !md.said && !md.m.failing
	count := 1 + md.IntN(4)
	if md.oneIn(40) {
		count = 300 // more Pings than answers are kept
	}
	for len(r.Items) < count && violation == nil {
		item := wire.Item{Opcode: wire.OpText, First: true, Final: true}
		switch n := md.IntN(44); {
		case count == 300 || n < 8:
			md.serverNo++
			item = wire.Item{Opcode: wire.OpPing, Payload: fmt.Appendf(nil, "server %100d", md.serverNo)}
		case n < 14:
			item = wire.Item{Opcode: wire.OpPong, Payload: []byte{byte(md.IntN(4))}}
		case n < 18 && len(md.m.pings) > 0:
			item = wire.Item{Opcode: wire.OpPong, Payload: md.m.pings[md.IntN(len(md.m.pings))].data}
		case n == 18:
			violation = &wire.ProtocolError{What: "for the test", Section: "RFC 6455 §5.2", Code: wire.StatusProtocolError}
			continue
		case n == 19:
			item = wire.Item{Opcode: wire.OpClose, Code: []wire.StatusCode{1000, 1001, wire.StatusNoStatus, 4001}[md.IntN(4)]}
		}
		r.Items = append(r.Items, item)
		r.Control = r.Control || item.Opcode.IsControl()
		if !listens || md.said {
			continue
		}
		switch item.Opcode {
		case wire.OpClose:
			md.said, md.saidCode = true, item.Code
			continue
		case wire.OpPing:
			if md.out.gate != gateNothing {
				md.pongs = append(md.pongs, item.Payload)
			}
		case wire.OpText:
			md.received++
		}
		keep++
	}
	md.note("received %d items, %d for the user, Close %v", len(r.Items), keep, md.said)
	md.step(r)
	if len(r.Items) != keep {
		md.failf("%d items are left for the user, want %d", len(r.Items), keep)
	}
	pongs := 0
	for _, item := range r.Items {
		if item.Opcode == wire.OpPong {
			pongs++
		}
	}
	if md.m.Data() != md.received {
		md.failf("%d messages were received, Data is %d", md.received, md.m.Data())
	}
	if pongs != len(r.RTTs) {
		md.failf("%d Pongs and %d round-trip times", pongs, len(r.RTTs))
	}
	if violation != nil {
		md.discard = true
		md.step(Violation{violation})
	}
	if md.said && md.oneIn(2) {
		md.end(io.EOF)
	}
}

// write plays the writer: how is 0 to take only, 1 to write, 2 to write or to fail.
func (md *model) write(how int) {
	switch {
	case len(md.news) > 0 && md.oneIn(2):
		in := md.news[0]
		md.news = md.news[1:]
		before := md.m.state
		md.step(in)
		if _, ended := in.(WriteEnded); ended && before != messages.StateClosed && md.m.sent != sentCloseAndEnd {
			md.failf("the end of our side is not noted")
		}
	case md.failed:
		if md.oneIn(2) {
			md.end(errors.New("closed"))
		}
	case md.dead: // a write fails because the stream is gone
		md.writeFails()
	case len(md.taken) == 0:
		for _, buf := range md.out.Take(nil) {
			md.taken = append(md.taken, buf...)
		}
		for _, c := range md.out.inflight {
			for _, r := range c.replies {
				md.sends[r.Ref].taken = true
			}
		}
		if len(md.taken) > 0 {
			break
		}
		md.woken = false
		if md.half && !md.halved {
			md.halved = true
			md.news = append(md.news, WriteEnded{Whole: md.oneIn(4)})
		}
	case how == 2 && md.oneIn(20):
		md.serverReads(md.taken[:md.IntN(len(md.taken))])
		md.writeFails()
	case how > 0:
		md.note("written %d B", len(md.taken))
		md.serverReads(md.taken)
		md.taken = nil
		before := md.out.CloseWritten()
		for _, o := range md.out.Wrote(nil) {
			md.answer(o)
		}
		if !before && md.out.CloseWritten() {
			md.news = append(md.news, CloseWritten{})
		}
	}
}

func (md *model) writeFails() {
	md.note("a write fails")
	md.failed, md.taken = true, nil
	md.news = append(md.news, WriteFailed{errors.New("broken pipe")})
}

// serverReads takes what arrives at the server.
func (md *model) serverReads(p []byte) {
	md.frames = append(md.frames, p...)
	for {
		f, rest, ok, err := cut(md.frames)
		if err != nil {
			md.failf("%v", err)
		}
		if !ok {
			return
		}
		md.frames = rest
		md.frame(f.op, f.fin, f.payload)
	}
}

// frame checks a frame that has arrived.
func (md *model) frame(op wire.Opcode, fin bool, payload []byte) {
	if md.closed != nil && op != wire.OpPong {
		md.failf("%s frame after the Close", op) // §5.5.1
	}
	if op.IsControl() && (!fin || len(payload) > 125) { // §5.5
		md.failf("%s frame, final %v, of %d B", op, fin, len(payload))
	}
	switch op {
	case wire.OpClose:
		md.closed = &payload
		md.arrive(func(s *send) bool { return s.op == wire.OpClose })
	case wire.OpPing:
		if len(payload) == 8 { // of the machine itself
			if n := binary.BigEndian.Uint64(payload); n <= md.probe {
				md.failf("Ping %d after %d", n, md.probe)
			}
			md.probe = binary.BigEndian.Uint64(payload)
			return
		}
		if len(md.pings) == 0 || !bytes.Equal(md.pings[0], payload) {
			md.failf("Ping %q, want the first of %q", payload, md.pings)
		}
		md.pings = md.pings[1:]
		md.arrive(func(s *send) bool { return s.op == wire.OpPing && bytes.Equal(s.payload, payload) })
	case wire.OpPong: // of several Pings the latest may be answered alone (§5.5.3)
		i := slices.IndexFunc(md.pongs, func(p []byte) bool { return bytes.Equal(p, payload) })
		if i < 0 {
			md.failf("Pong %q, want one of %q", payload, md.pongs)
		}
		md.pongs = md.pongs[i+1:]
		md.arrive(func(s *send) bool { return s.op == wire.OpPong && bytes.Equal(s.payload, payload) })
	default:
		if md.arrived == len(md.line) {
			md.failf("%s frame of %d B that nobody has sent", op, len(payload))
		}
		s := md.line[md.arrived]
		md.arrived++
		if s.op != op || s.fin != fin || !bytes.Equal(s.payload, payload) {
			md.failf("%s frame, final %v, of %d B instead of %s, final %v, of %d B: %.20q, want %.20q",
				op, fin, len(payload), s.op, s.fin, len(s.payload), payload, s.payload)
		}
		if s.answered && !errors.Is(s.err, messages.ErrUnconfirmed) {
			md.failf("%s arrives after it was answered with %v", s.what, s.err)
		}
		s.arrived = true
	}
}

// arrive marks the first control frame that has not arrived and that is the one.
func (md *model) arrive(is func(*send) bool) {
	for _, s := range md.control {
		if s.taken && !s.arrived && is(s) {
			s.arrived = true
			return
		}
	}
}

// carryOut plays the protocol actor.
func (md *model) carryOut() {
	told := len(md.events)
	for _, e := range md.m.Effects() {
		if md.ended != nil && e.Kind != EffectDeliver && e.Kind != EffectReply {
			md.failf("after the end: %+v", e)
		}
		switch e.Kind {
		case EffectDeliver:
			if len(md.events) > told {
				md.failf("%T goes before the items that were read before it", md.events[told])
			}
		case EffectEmit:
			md.events = append(md.events, e.Event)
		case EffectReply:
			for _, o := range e.Outcomes {
				md.answer(o)
			}
		case EffectPong:
			waiter := e.Waiter.(int)
			if !md.waiters[waiter] {
				md.failf("measure %d is answered twice", waiter)
			}
			delete(md.waiters, waiter)
		case EffectSetTimer:
			if e.Delay <= 0 || e.Delay > 10*time.Second {
				md.failf("timer %v is set to %v", e.Timer, e.Delay)
			}
			md.timers[e.Timer] = true
		case EffectStopTimer:
			delete(md.timers, e.Timer)
		case EffectDiscard:
			md.discard = true
		case EffectHalfClose:
			md.half = true
		case EffectCloseStream:
			md.dead = true
		case EffectEnd:
			md.ended = &e
		}
	}
}

// check looks at what must hold after every step.
func (md *model) check() {
	md.t.Helper()
	m, o := md.m, md.out
	before := md.before
	md.before.state, md.before.received, md.before.sent = m.state, m.received, m.sent
	broken := m.sent == sentBroken || m.sent == sentCloseAndEnd
	for _, c := range [...]struct {
		what string
		bad  bool
	}{
		{"the state goes back", m.state < before.state},
		{"another state is shown", messages.State(md.shown.Load()) != m.state},
		{"what is received goes back", m.received < before.received || before.received == receivedEnd && m.received != receivedEnd},
		{"what is sent goes back", m.sent < before.sent},
		{"Broken after our Close", before.sent.close() && m.sent == sentBroken},
		{"Close written, and not queued", o.CloseWritten() && m.sent == sentData},

		{"a sign of the end in OPEN", m.state == messages.StateOpen && (m.received != receivedData || m.sent != sentData || m.failing)},
		{"CLOSING without a reason", m.state == messages.StateClosing && m.sent == sentData},
		{"CLOSING with nothing to wait", m.state == messages.StateClosing && m.received.end() && m.sent != sentQueued},
		{"failing after the server's", m.state == messages.StateClosing && m.failing && m.received.close()},
		{"CLOSING that nothing bounds", m.state == messages.StateClosing && !md.timers[TimerClose] && !md.timers[TimerDrain]},
		{"a failure that nothing bounds", m.state == messages.StateClosing && (m.failing || broken) && !md.timers[TimerDrain]},
		{"a handshake nothing bounds", m.state == messages.StateClosing && !m.failing && !broken && !md.timers[TimerClose]},
		{"a keepalive that stands still", m.state == messages.StateOpen && m.cfg.PingInterval > 0 && md.timers[TimerPing] == md.timers[TimerPong]},
		{"keepalive where none is wanted", (m.state != messages.StateOpen || m.cfg.PingInterval == 0) && (md.timers[TimerPing] || md.timers[TimerPong])},
		{"a timer after the end", m.state == messages.StateClosed && len(md.timers) > 0},
		{"no end in CLOSED", (m.state == messages.StateClosed) != (md.ended != nil)},
		{"the stream is open after all", (m.state == messages.StateClosed) != md.dead},
		{"the writer sleeps", o.pending && !md.woken && len(md.taken) == 0 && !md.dead && !md.failed},
		{"too many open Pings", len(m.pings) > maxOpenPings},
	} {
		if c.bad {
			md.failf("%s: %v, received %d, sent %d, failing %v, timers %v", c.what, m.state, m.received, m.sent, m.failing, md.timers)
		}
	}
	md.checkQueue()
	for i, event := range md.events {
		_, closing := event.(*messages.Closing)
		_, closed := event.(*messages.Closed)
		if closing != (i == 0 && len(md.events) == 2 || i == 0 && m.state == messages.StateClosing) || closed == closing {
			md.failf("events %T in %v", md.events, m.state)
		}
	}
}

// checkQueue counts what the Outbound holds.
func (md *model) checkQueue() {
	o := md.out
	msgs, size, waiting, control := len(o.waiting), 0, 0, 0
	for _, p := range o.waiting {
		waiting += len(p.data)
	}
	for _, list := range [][]chunk{o.inflight, o.data} {
		for _, c := range list {
			msgs += c.msgs
			size += c.payload
			if c.payload > len(c.buf) {
				md.failf("a chunk of %d B counts %d of payload", len(c.buf), c.payload)
			}
		}
	}
	for _, c := range o.control {
		control += len(c.buf)
	}
	if o.msgs != msgs || o.bytes != size+waiting || o.waitingBytes != waiting {
		md.failf("the queue counts %d messages, %d B, of which %d wait; it holds %d, %d, %d", o.msgs, o.bytes, o.waitingBytes, msgs, size+waiting, waiting)
	}
	// What waits for a message in fragments does not keep that from going on; one
	// message may be larger than the limit when all before it are being written.
	if limit := 2 * o.maxMsgs; msgs > limit {
		md.failf("the queue holds %d messages, the limit is %d", msgs, o.maxMsgs)
	}
	if limit := 2*o.maxBytes + 2*md.largest; size+waiting > limit {
		md.failf("the queue holds %d B, the limit is %d", size+waiting, o.maxBytes)
	}
	if limit := controlMax + 3*(wire.MaxHeader+wire.MaxControl); control > limit || len(o.latePong) > wire.MaxControl {
		md.failf("%d B of control frames wait", control)
	}
}
