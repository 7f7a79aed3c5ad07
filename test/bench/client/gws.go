package client

import (
	"sync/atomic"

	"github.com/dandelionws/dandelion/test/bench/payload"
	ws "github.com/lxzan/gws"
)

// gws runs its ReadLoop, with the check of UTF-8 switched on, and gives payloads
// back to its pool with Message.Close.
var gws = Library{Name: "gws", Module: "github.com/lxzan/gws", Checks: true, Dial: dialGws}

type gwsConn struct {
	ws.BuiltinEventHandler
	cfg    Config
	ws     *ws.Conn
	closed atomic.Bool
}

func dialGws(url string, cfg Config) (Conn, error) {
	c := &gwsConn{cfg: cfg}
	conn, _, err := ws.NewClient(c, &ws.ClientOption{
		Addr:                url,
		CheckUtf8Enabled:    true,
		ReadBufferSize:      cfg.buffer(),
		ReadMaxPayloadSize:  cfg.Size + slack,
		WriteMaxPayloadSize: cfg.Size + slack,
	})
	if err != nil {
		return nil, err
	}
	c.ws = conn
	go conn.ReadLoop()
	return c, nil
}

func (c *gwsConn) OnMessage(_ *ws.Conn, msg *ws.Message) {
	c.cfg.OnMessage(c, msg.Bytes())
	msg.Close()
}

func (c *gwsConn) OnClose(_ *ws.Conn, err error) {
	if !c.closed.Load() {
		c.cfg.OnError(err)
	}
}

func (c *gwsConn) Send(kind payload.Kind, p []byte) error {
	return c.ws.WriteMessage(ws.Opcode(kind), p)
}

func (c *gwsConn) Close() {
	c.closed.Store(true)
	c.ws.NetConn().Close()
}
