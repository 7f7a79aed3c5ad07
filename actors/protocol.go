package actors

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// protocol is the actor around the state machine: it turns messages into the
// machine's inputs and carries out its effects. It is the parent of reader and writer.
type protocol struct {
	conn    *Conn
	machine *machine

	timers      [timerKinds]*time.Timer
	generations [timerKinds]uint64
}

var _ actor.SupervisorStrategy = (*protocol)(nil)

// Receive never blocks.
func (p *protocol) Receive(ctx actor.Context) {
	c := p.conn
	switch msg := ctx.Message().(type) {
	case *Batch:
		p.batch(msg)
		return
	case *actor.Started:
		p.start(ctx)
	case *actor.Stopping:
		p.stop()
		return
	case *written:
		p.machine.written(msg, time.Now())
	case *timeout:
		if msg.generation == p.generations[msg.kind] {
			p.machine.timedOut(msg.kind, c.window.traffic(), time.Now())
		}
	case *messages.SendText:
		reply := Reply{PID: ctx.Sender(), Ref: msg.Ref}
		p.refuse(reply, c.Out.SendText(msg.Text, reply))
		return
	case *messages.SendBinary:
		reply := Reply{PID: ctx.Sender(), Ref: msg.Ref}
		p.refuse(reply, c.Out.Send(messages.KindBinary, msg.Data, reply))
		return
	case *messages.SendFragment:
		reply := Reply{PID: ctx.Sender(), Ref: msg.Ref}
		p.refuse(reply, c.Out.SendFragment(msg, reply))
		return
	case *messages.Pong:
		reply := Reply{PID: ctx.Sender(), Ref: msg.Ref}
		p.refuse(reply, c.Out.Pong(msg.Data, reply))
		return
	case *messages.Ping:
		reply := Reply{PID: ctx.Sender(), Ref: msg.Ref}
		p.refuse(reply, p.machine.ping(msg.Data, reply, time.Now()))
		return
	case *PingCall:
		p.machine.pingCall(msg, time.Now())
		return
	case *messages.HandlerBehind, *messages.HandlerCaughtUp:
		if p.machine.state == messages.StateOpen { // else nobody's fault any more
			c.tell(c.Owner, msg) // in front of what it says
			c.Callback.box.post(msg)
		}
		return
	case *messages.Close:
		p.machine.close(msg, Reply{PID: ctx.Sender(), Ref: msg.Ref})
	case *messages.FailConnection:
		p.machine.failConnection(msg, time.Now())
	}
	p.carryOut()
}

// refuse answers a send that was not accepted.
func (p *protocol) refuse(reply Reply, err error) {
	if err != nil {
		p.conn.reply(outcome{reply, err})
	}
}

func (p *protocol) start(ctx actor.Context) {
	c := p.conn
	p.machine = newMachine(machineConfig{
		shown:        &c.state,
		measured:     c.measured,
		epoch:        c.Epoch,
		server:       c.Server,
		closeTimeout: c.CloseTimeout,
		pingInterval: c.PingInterval,
		pongTimeout:  c.PongTimeout,
		pingMisses:   c.PingMisses,
		firstPing:    c.FirstPing,
	}, c.Out, time.Now())
	ctx.Spawn(writerProps(c))
	if c.Opened != nil { // an inline handler may wait for what it writes
		c.Callback.box.post(c.Opened)
	}
	ctx.Spawn(readerProps(c))
}

// batch hands what was read to the machine, and what the machine leaves of it to the callback.
func (p *protocol) batch(b *Batch) {
	violation, end := b.violation, b.end
	var now time.Time
	if b.control || violation != nil || end != nil { // else nothing depends on it
		now = time.Now()
	}
	p.machine.received(b, now)
	p.conn.received.Store(p.machine.data)
	// What a Close or a violation in this batch sets off comes behind its messages.
	if len(b.Items) > 0 {
		p.conn.Callback.box.post(b)
	} else {
		b.Release()
	}
	if violation != nil || end != nil {
		p.machine.receivedEnd(violation, end, now)
	}
	p.carryOut()
}

// carryOut does what the machine wants done.
func (p *protocol) carryOut() {
	c := p.conn
	for _, e := range p.machine.takeEffects() {
		switch e.kind {
		case effectEmit:
			if closed, ok := e.event.(*messages.Closed); ok {
				closed.Discarded = int(c.window.discarded.Load())
			}
			c.Callback.box.post(e.event)
		case effectReply:
			for _, o := range e.outcomes {
				c.reply(o)
			}
		case effectSetTimer:
			p.setTimer(e.timer, e.delay)
		case effectStopTimer:
			p.stopTimer(e.timer)
		case effectUnthrottle:
			c.reader.post(&unthrottle{})
		case effectDiscard:
			c.reader.post(&discard{})
		case effectHalfClose:
			c.writer.post(&halfClose{})
		case effectCloseStream:
			// Closing a TLS stream writes an alert, which can block.
			go c.closeStream(e.reset)
		case effectEnd:
			c.tell(c.Owner, e.ended)
		}
	}
}

func (p *protocol) setTimer(kind timerKind, d time.Duration) {
	p.stopTimer(kind)
	msg := &timeout{kind, p.generations[kind]}
	p.timers[kind] = time.AfterFunc(d, func() { p.conn.protocol.post(msg) })
}

func (p *protocol) stopTimer(kind timerKind) {
	p.generations[kind]++
	if t := p.timers[kind]; t != nil {
		t.Stop()
		p.timers[kind] = nil
	}
}

// stop ends a connection whose owner stops it, or that has ended already.
func (p *protocol) stop() {
	defer p.logPanic("stopping") // a panic here would bring the actor back to life
	if p.machine == nil {
		go p.conn.closeStream(true)
		return
	}
	p.machine.abort(messages.ErrStopped, time.Now())
	p.carryOut()
}

func (p *protocol) logPanic(when string) {
	if r := recover(); r != nil {
		p.conn.Logger.Error("dandelion: panic in the protocol actor", slog.String("when", when), slog.Any("panic", r))
	}
}

// HandleFailure ends the connection when reader or writer have panicked: they
// are not restarted, because their place in the stream is lost.
func (p *protocol) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason any, _ any) {
	defer p.logPanic("handling a failure")
	supervisor.StopChildren(child)
	p.machine.fail(wire.StatusInternalError, fmt.Errorf("internal error: %v", reason), drainTimeout)
	p.carryOut()
}

// closeStream drops the stream; with reset, also what the system has not sent
// yet, which a server that does not read would hold up for minutes. A panic of a
// stream that the caller supplied is reported.
func (c *Conn) closeStream(reset bool) {
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
