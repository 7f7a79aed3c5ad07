package client

import (
	"sync/atomic"

	"github.com/dandelionws/dandelion/test/bench/payload"
	"github.com/gorilla/websocket"
)

// gorilla reads with NextReader into a buffer of its own, which saves the
// allocation that ReadMessage makes for each message.
var gorilla = Library{Name: "gorilla", Module: "github.com/gorilla/websocket", Dial: dialGorilla}

type gorillaConn struct {
	ws     *websocket.Conn
	closed atomic.Bool
}

func dialGorilla(url string, cfg Config) (Conn, error) {
	d := websocket.Dialer{ReadBufferSize: cfg.buffer(), WriteBufferSize: cfg.buffer()}
	ws, _, err := d.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	c := &gorillaConn{ws: ws}
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
