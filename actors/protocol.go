package actors

// This file is the actor around the state machine.

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/internal/family"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/wire"
)

// protocolActor turns messages into inputs of the state machine and carries out its effects.
// It is the parent of reader and writer.
type protocolActor struct {
	conn    *conn
	machine *protocol.Machine

	timers      [protocol.Timers]*time.Timer
	generations [protocol.Timers]uint64
}

var _ actor.SupervisorStrategy = (*protocolActor)(nil)

// Receive never blocks.
func (p *protocolActor) Receive(ctx actor.Context) {
	c := p.conn
	switch msg := ctx.Message().(type) {
	case *batch:
		p.batch(msg)
	case *actor.Started:
		p.start(ctx)
	case *actor.Stopping:
		p.stop()
	case *written:
		p.step(msg.news)
	case *timeout:
		if msg.generation == p.generations[msg.timer] {
			p.step(protocol.TimedOut{Timer: msg.timer, Traffic: c.window.traffic()})
		}
	case *messages.SendText:
		reply := family.ReplyTo(ctx.Sender(), msg.Ref)
		p.refuse(reply, c.Out.SendText(msg.Text, reply))
	case *messages.SendBinary:
		reply := family.ReplyTo(ctx.Sender(), msg.Ref)
		p.refuse(reply, c.Out.Send(messages.KindBinary, msg.Data, reply))
	case *messages.SendFragment:
		reply := family.ReplyTo(ctx.Sender(), msg.Ref)
		p.refuse(reply, c.Out.SendFragment(senderOf(ctx), msg, reply))
	case *messages.Pong:
		reply := family.ReplyTo(ctx.Sender(), msg.Ref)
		p.refuse(reply, c.Out.Pong(msg.Data, reply))
	case *messages.Ping:
		reply := family.ReplyTo(ctx.Sender(), msg.Ref)
		p.refuse(reply, p.machine.Ping(msg.Data, reply, time.Now()))
	case *family.PingCall:
		p.pingCall(msg)
	case *messages.HandlerBehind, *messages.HandlerCaughtUp:
		if p.machine.State() == messages.StateOpen { // else it no longer matters
			c.tell(c.Owner, msg) // before its Ended
			c.Callback.Box.Post(msg)
		}
	case *messages.Close:
		p.step(protocol.Close{Code: msg.Code, Reason: msg.Reason, Reply: family.ReplyTo(ctx.Sender(), msg.Ref)})
	case *messages.FailConnection:
		p.step(protocol.Fail{Code: msg.Code, Cause: msg.Cause})
	}
}

// pingCall sends a Ping for code without actors.
func (p *protocolActor) pingCall(call *family.PingCall) {
	if call.RTT == nil {
		call.Err <- p.machine.Ping(call.Data, protocol.Reply{}, time.Now())
	} else if err := p.machine.Measure(call, time.Now()); err != nil {
		call.Err <- err
	}
}

// senderOf names the sender of fragments.
func senderOf(ctx actor.Context) protocol.Sender {
	if pid := ctx.Sender(); pid != nil {
		return protocol.Sender{Address: pid.Address, ID: pid.Id}
	}
	return protocol.Sender{}
}

// refuse answers a send that was not accepted.
func (p *protocolActor) refuse(reply protocol.Reply, err error) {
	if err != nil {
		p.conn.reply(protocol.Outcome{Reply: reply, Err: err})
	}
}

func (p *protocolActor) start(ctx actor.Context) {
	c := p.conn
	p.machine = protocol.New(protocol.Config{
		Shown:        &c.Shown.State,
		Epoch:        c.Epoch,
		Server:       c.Server,
		CloseTimeout: c.CloseTimeout,
		PingInterval: c.PingInterval,
		PongTimeout:  c.PongTimeout,
		PingMisses:   c.PingMisses,
		FirstPing:    c.FirstPing,
	}, c.Out, time.Now())
	c.writer.Spawn(ctx, &writer{conn: c})
	if c.Opened != nil { // when the handler can write, and before anything is read
		c.Callback.Box.Post(c.Opened)
	}
	c.reader.Spawn(ctx, &reader{c})
	p.carryOut(nil)
}

// batch hands what was read to the machine, and the items that the machine leaves to the
// callback.
func (p *protocolActor) batch(b *batch) {
	violation, end := b.violation, b.end // b is gone when its items are delivered
	var now time.Time
	if b.Control || p.machine.State() != messages.StateOpen { // else nothing depends on it
		now = time.Now()
	}
	p.machine.Step(&b.Read, now)
	p.conn.Shown.Received.Store(p.machine.Data())
	p.carryOut(b)
	if violation != nil {
		p.step(protocol.Violation{Err: violation})
	}
	if end != nil {
		p.step(protocol.EndOfStream{Err: end})
	}
}

// step hands an input to the machine and carries out what it wants done.
func (p *protocolActor) step(in protocol.Input) {
	p.machine.Step(in, time.Now())
	p.carryOut(nil)
}

// carryOut carries out the effects of an input, which may be b.
func (p *protocolActor) carryOut(b *batch) {
	c := p.conn
	for _, e := range p.machine.Effects() {
		switch e.Kind {
		case protocol.EffectDeliver:
			if len(b.Items) > 0 {
				c.Callback.Box.Post(b)
			} else {
				b.Release()
			}
		case protocol.EffectEmit:
			if closed, ok := e.Event.(*messages.Closed); ok {
				closed.Discarded = int(c.window.discarded.Load())
			}
			c.Callback.Box.Post(e.Event)
		case protocol.EffectReply:
			for _, o := range e.Outcomes {
				c.reply(o)
			}
		case protocol.EffectMeasured:
			c.Shown.RTT.Store(int64(e.RTT))
			c.Shown.SmoothedRTT.Store(int64(e.Smoothed))
		case protocol.EffectPong:
			call := e.Waiter.(*family.PingCall)
			if e.Err == nil {
				call.RTT <- e.RTT
			} else {
				call.Err <- e.Err
			}
		case protocol.EffectSetTimer:
			p.setTimer(e.Timer, e.Delay)
		case protocol.EffectStopTimer:
			p.stopTimer(e.Timer)
		case protocol.EffectUnthrottle:
			c.reader.Post(&unthrottle{})
		case protocol.EffectDiscard:
			c.reader.Post(&discard{})
		case protocol.EffectHalfClose:
			c.writer.Post(&halfClose{})
		case protocol.EffectCloseStream:
			// Closing a TLS stream writes an alert, which can block.
			go c.closeStream(e.Reset)
		case protocol.EffectEnd:
			c.tell(c.Owner, &family.Ended{Epoch: c.Epoch, Err: e.Err, Alive: e.Alive})
		}
	}
}

func (p *protocolActor) setTimer(timer protocol.Timer, d time.Duration) {
	p.stopTimer(timer)
	msg := &timeout{timer, p.generations[timer]}
	p.timers[timer] = time.AfterFunc(d, func() { p.conn.protocol.Post(msg) })
}

func (p *protocolActor) stopTimer(timer protocol.Timer) {
	p.generations[timer]++
	if t := p.timers[timer]; t != nil {
		t.Stop()
		p.timers[timer] = nil
	}
}

// stop ends a connection that its owner stops, unless it has ended already.
func (p *protocolActor) stop() {
	defer p.logPanic("stopping") // a panic here would bring the actor back to life
	if p.machine == nil {
		go p.conn.closeStream(true)
		return
	}
	p.step(protocol.Fail{Cause: messages.ErrStopped})
}

func (p *protocolActor) logPanic(when string) {
	if r := recover(); r != nil {
		p.conn.Logger.Error("dandelion: panic in the protocol actor", slog.String("when", when), slog.Any("panic", r))
	}
}

// HandleFailure ends the connection when reader or writer has panicked. It is not restarted,
// as its place in the stream is lost.
func (p *protocolActor) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason any, _ any) {
	defer p.logPanic("handling a failure")
	supervisor.StopChildren(child)
	p.step(protocol.Fail{Code: wire.StatusInternalError, Cause: fmt.Errorf("internal error: %v", reason)})
}

// closeStream drops the stream. With reset it also drops what the system has not sent yet,
// which a server that does not read would hold up for minutes. A panic in a stream that the
// caller supplied is logged.
func (c *conn) closeStream(reset bool) {
	defer func() {
		if r := recover(); r != nil {
			c.Logger.Error("dandelion: Close of the stream panicked", slog.Any("panic", r))
		}
	}()
	if reset {
		stream := any(c.Stream)
		if secure, ok := stream.(interface{ NetConn() net.Conn }); ok {
			stream = secure.NetConn()
		}
		if tcp, ok := stream.(*net.TCPConn); ok {
			tcp.SetLinger(0)
			tcp.Close()
		}
	}
	c.Stream.Close() // the connection is over: its error changes nothing
}
