package client

import (
	"bufio"
	"context"
	"io"
	"net"
	"slices"
	"sync/atomic"

	"github.com/dandelionws/dandelion/test/bench/payload"
	ws "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// gobwas reads with wsutil.Reader from a bufio.Reader into a buffer of its own,
// and writes with wsutil.Writer, which makes one write of a message.
var gobwas = Library{Name: "gobwas", Module: "github.com/gobwas/ws", Checks: true, Dial: dialGobwas}

type gobwasConn struct {
	nc     net.Conn
	w      *wsutil.Writer
	closed atomic.Bool
}

func dialGobwas(url string, cfg Config) (Conn, error) {
	nc, br, _, err := ws.Dial(context.Background(), url)
	if err != nil {
		return nil, err
	}
	if br != nil { // not with our server, which waits for the client
		nc.Close()
		return nil, errClosed
	}
	c := &gobwasConn{nc: nc, w: wsutil.NewWriterSize(nc, ws.StateClientSide, ws.OpText, cfg.buffer())}
	control := wsutil.ControlFrameHandler(nc, ws.StateClientSide)
	rd := &wsutil.Reader{
		Source:         bufio.NewReaderSize(nc, max(4096, cfg.buffer())),
		State:          ws.StateClientSide,
		CheckUTF8:      true,
		OnIntermediate: control,
	}
	var buf []byte
	go cfg.readLoop(c, &c.closed, func() ([]byte, error) {
		for {
			h, err := rd.NextFrame()
			if err != nil {
				return nil, err
			}
			switch {
			case h.OpCode.IsControl():
				if err := control(h, rd); err != nil {
					return nil, err
				}
			case h.Fin:
				buf = slices.Grow(buf[:0], int(h.Length))[:h.Length]
				_, err := io.ReadFull(rd, buf)
				return buf, err
			default:
				buf, err = readAll(rd, buf)
				return buf, err
			}
		}
	})
	return c, nil
}

func (c *gobwasConn) Send(kind payload.Kind, p []byte) error {
	c.w.ResetOp(ws.OpCode(kind))
	if _, err := c.w.Write(p); err != nil {
		return err
	}
	return c.w.Flush()
}

func (c *gobwasConn) Close() {
	c.closed.Store(true)
	c.nc.Close()
}
