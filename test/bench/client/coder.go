package client

import (
	"context"
	"sync/atomic"

	"github.com/coder/websocket"
	"github.com/dandelionws/dandelion/test/bench/payload"
)

// coder reads with Reader into a buffer of its own, which saves the allocations
// that Read makes for each message. The size of its buffers is fixed.
var coder = Library{Name: "coder", Module: "github.com/coder/websocket", Dial: dialCoder}

type coderConn struct {
	ws     *websocket.Conn
	closed atomic.Bool
}

func dialCoder(url string, cfg Config) (Conn, error) {
	ctx := context.Background()
	ws, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(-1)
	c := &coderConn{ws: ws}
	var buf []byte
	go cfg.readLoop(c, &c.closed, func() ([]byte, error) {
		_, r, err := ws.Reader(ctx)
		if err != nil {
			return nil, err
		}
		buf, err = readAll(r, buf)
		return buf, err
	})
	return c, nil
}

func (c *coderConn) Send(kind payload.Kind, p []byte) error {
	return c.ws.Write(context.Background(), websocket.MessageType(kind), p)
}

func (c *coderConn) Close() {
	c.closed.Store(true)
	c.ws.CloseNow()
}
