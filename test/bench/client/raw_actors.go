package client

import (
	"net"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/test/bench/payload"
)

// rawActors shows how much of what plain TCP can do is left with an actor for each role:
// it is raw with a supervisor, protocol, reader, writer and callback between, which only
// pass on what comes. All run on the goroutine of their sender, which costs the least.
var rawActors = Library{Name: "raw-actors", Floor: true, Dial: dialRawActors}

var onSender = actor.NewSynchronizedDispatcher(64)

func rawActor(receive actor.ReceiveFunc) *actor.Props {
	return actor.PropsFromFunc(receive, actor.WithDispatcher(onSender), actor.WithMailbox(actor.UnboundedLockfree()))
}

// rawFamily is one connection with its actors.
type rawFamily struct {
	nc     net.Conn
	reader *rawReader // its handle is for the callback, its flush for the writer
	closed atomic.Bool

	supervisor, protocol, writer, callback *actor.PID
}

type (
	rawOpened struct{}
	rawRead   struct {
		p    []byte
		rest []byte // what of p was left over
	}
	rawWrite struct{ err error }
)

func dialRawActors(url string, cfg Config) (Conn, error) {
	root := actorSystem().Root
	f := &rawFamily{}
	f.supervisor = root.Spawn(rawActor(f.supervise))
	conn, err := connectRaw(url)
	if err != nil {
		root.Stop(f.supervisor)
		return nil, err
	}
	f.nc = conn
	w := newRawWriter(conn, cfg)
	f.reader = &rawReader{rawWriter: w, cfg: cfg, blank: make([]byte, cfg.Size)}
	root.Send(f.supervisor, &rawOpened{})
	return &rawActorsConn{rawWriter: w, family: f, cork: cfg.Load == Sending}, nil
}

func (f *rawFamily) supervise(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		f.callback = ctx.Spawn(rawActor(f.handle))
	case *rawOpened:
		f.protocol = ctx.Spawn(rawActor(f.pass))
	}
}

// pass is the protocol actor.
func (f *rawFamily) pass(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		f.writer = ctx.Spawn(rawActor(f.write))
		ctx.Spawn(rawActor(f.read))
	case *rawRead:
		ctx.Send(f.callback, m)
	}
}

// read is the reader actor, which has a goroutine.
func (f *rawFamily) read(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		go f.readLoop()
	}
}

func (f *rawFamily) readLoop() {
	root := actorSystem().Root
	buf := make([]byte, f.reader.bufferSize())
	kept := 0
	m := &rawRead{}
	for {
		n, err := f.nc.Read(buf[kept:])
		if err == nil {
			m.p = buf[:kept+n]
			root.Send(f.protocol, m) // is handled when it returns
			kept = copy(buf, m.rest)
			w := &rawWrite{}
			root.Send(f.writer, w)
			err = w.err
		}
		if err != nil {
			if !f.closed.Load() {
				f.reader.cfg.OnError(err)
			}
			return
		}
	}
}

// handle is the callback actor.
func (f *rawFamily) handle(ctx actor.Context) {
	if m, ok := ctx.Message().(*rawRead); ok {
		m.rest = f.reader.handle(m.p)
	}
}

// write is the writer actor, for what was sent within OnMessage.
func (f *rawFamily) write(ctx actor.Context) {
	if m, ok := ctx.Message().(*rawWrite); ok {
		m.err = f.reader.flush()
	}
}

// rawActorsConn is what the workload has.
type rawActorsConn struct {
	rawWriter
	family *rawFamily
	cork   bool
}

func (c *rawActorsConn) Send(kind payload.Kind, p []byte) error {
	if err := c.add(kind, p); err != nil || c.cork && c.unsent < c.most {
		return err
	}
	return c.flush()
}

func (c *rawActorsConn) Close() {
	c.family.closed.Store(true)
	c.nc.Close()
	actorSystem().Root.Stop(c.family.supervisor)
}
