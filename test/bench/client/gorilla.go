package client

import (
	"sync/atomic"

	"github.com/dandelionws/dandelion/test/bench/payload"
	"github.com/gorilla/websocket"
)

// gorilla reads with NextReader into a buffer of its own, which saves the
// allocation that ReadMessage makes for each message.
var gorilla = Library{Name: "gorilla", Module: "github.com/gorilla/websocket", Dial: dialGorilla}

// gorillaOwned reads with ReadMessage: what arrives belongs to the caller, as it does with
// dandelion but for the borrowed ways.
var gorillaOwned = Library{Name: "gorilla-owned", OnDemand: true, Module: gorilla.Module, Dial: func(url string, cfg Config) (Conn, error) {
	ws, c, err := newGorillaConn(url, cfg)
	if err != nil {
		return nil, err
	}
	go cfg.readLoop(c, &c.closed, func() ([]byte, error) {
		_, p, err := ws.ReadMessage()
		return p, err
	})
	return c, nil
}}

type gorillaConn struct {
	ws     *websocket.Conn
	closed atomic.Bool
}

func newGorillaConn(url string, cfg Config) (*websocket.Conn, *gorillaConn, error) {
	d := websocket.Dialer{ReadBufferSize: cfg.buffer(), WriteBufferSize: cfg.buffer()}
	ws, _, err := d.Dial(url, nil)
	return ws, &gorillaConn{ws: ws}, err
}

func dialGorilla(url string, cfg Config) (Conn, error) {
	ws, c, err := newGorillaConn(url, cfg)
	if err != nil {
		return nil, err
	}
	var buf []byte
	go cfg.readLoop(c, &c.closed, func() ([]byte, error) {
		_, r, err := ws.NextReader()
		if err != nil {
			return nil, err
		}
		buf, err = readAll(r, buf)
		return buf, err
	})
	return c, nil
}

func (c *gorillaConn) Send(kind payload.Kind, p []byte) error {
	return c.ws.WriteMessage(int(kind), p)
}

func (c *gorillaConn) Close() {
	c.closed.Store(true)
	c.ws.Close()
}
