package client

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/dandelionws/dandelion/test/bench/payload"
	core "github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	ws "github.com/lesismal/nbio/nbhttp/websocket"
)

// nbio runs one engine for all connections, whose handlers run on the goroutine
// that polls, and gives payloads back to its pool.
var nbio = Library{Name: "nbio", Module: "github.com/lesismal/nbio", Checks: true, Dial: dialNbio}

// The package makes a default engine, which nobody uses here, with a megabyte of pointers. In
// the clients of all libraries the garbage collector would look through them in every
// cycle, which is up to 30 µs for each message of 64 KiB that is allocated. Stop lets go of
// them; it wants to stop the pollers too, of which an engine that was not started has none.
func init() {
	logging.SetLevel(logging.LevelNone)
	ws.DefaultEngine.Engine.NPoller = 0
	ws.DefaultEngine.Stop()
	ws.DefaultEngine = nil
}

type nbioConn struct {
	ws     *ws.Conn
	closed atomic.Bool
}

const (
	// nbioFrame is the largest frame that the engine makes, in bytes of payload.
	nbioFrame = 256 << 10
)

// nbioBacklog is what was sent on all connections and not taken by their sockets
// yet, in bytes: the engine never makes a sender wait.
var nbioBacklog = newBacklog(4 << 20)

var nbioEngine struct {
	once sync.Once
	*nbhttp.Engine
	err error
}

// startNbio starts the engine with a read buffer that suits the messages: a small
// one for small messages, because what is left of it is moved for each of them.
func startNbio(cfg Config) (*nbhttp.Engine, error) {
	e := &nbioEngine
	e.once.Do(func() {
		read := 4 << 10
		if cfg.Size > read {
			read = 256 << 10
		}
		e.Engine = nbhttp.NewEngine(nbhttp.Config{
			ServerExecutor:               func(f func()) { f() },
			ReadBufferSize:               read,
			ReleaseWebsocketPayload:      true,
			MaxLoad:                      1 << 20,
			MaxWebsocketFramePayloadSize: nbioFrame,
		})
		nbioBacklog.limit = max(nbioBacklog.limit, 2*int64(cfg.Size))
		e.OnWrittenSize(func(_ *core.Conn, _ []byte, n int) { nbioBacklog.done(n) })
		e.err = e.Start()
	})
	return e.Engine, e.err
}

func dialNbio(url string, cfg Config) (Conn, error) {
	engine, err := startNbio(cfg)
	if err != nil {
		return nil, err
	}
	c := &nbioConn{}
	opts := ws.NewOptions()
	opts.Engine = engine
	opts.MessageLengthLimit = cfg.Size + slack
	opts.KeepaliveTime = 0
	opts.OnMessage(func(_ *ws.Conn, _ ws.MessageType, p []byte) { cfg.OnMessage(c, p) })
	opts.OnClose(func(_ *ws.Conn, err error) {
		if c.closed.Load() {
			return
		}
		if err == nil {
			err = errClosed
		}
		cfg.OnError(err)
	})
	d := ws.Dialer{Engine: engine, Options: opts, DialTimeout: 10 * time.Second}
	c.ws, _, err = d.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (c *nbioConn) Send(kind payload.Kind, p []byte) error {
	nbioBacklog.add(nbioWire(len(p)))
	return c.ws.WriteMessage(ws.MessageType(kind), p)
}

// nbioWire is the size of a message with its headers.
func nbioWire(n int) int {
	total := n
	for ; n >= 0; n -= nbioFrame {
		switch frame := min(n, nbioFrame); {
		case frame < 126:
			total += 6
		case frame <= 0xFFFF:
			total += 8
		default:
			total += 14
		}
	}
	return total
}

func (c *nbioConn) Close() {
	c.closed.Store(true)
	c.ws.Close()
}
