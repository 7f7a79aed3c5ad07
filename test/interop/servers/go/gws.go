package main

// This file is the server on github.com/lxzan/gws.

import (
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/lxzan/gws"
)

func serveGWS(ln net.Listener) error {
	newUpgrader := func(subprotocols ...string) *gws.Upgrader {
		return gws.NewUpgrader(gwsEvents{}, &gws.ServerOption{
			SubProtocols:        subprotocols,
			ReadMaxPayloadSize:  maxMessage,
			WriteMaxPayloadSize: maxMessage,
			CheckUtf8Enabled:    true,
		})
	}
	// An upgrader with subprotocols takes only clients that ask for one of them.
	plain, choosing := newUpgrader(), newUpgrader(subprotocol)
	return http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := plain
		if r.Header.Get("Sec-WebSocket-Protocol") != "" {
			upgrader = choosing
		}
		c, err := upgrader.Upgrade(w, r)
		if err != nil {
			return // Upgrade has answered
		}
		c.ReadLoop()
	}))
}

type gwsEvents struct{ gws.BuiltinEventHandler }

func (gwsEvents) OnPing(c *gws.Conn, data []byte) { c.WritePong(data) }

func (gwsEvents) OnPong(c *gws.Conn, data []byte) {
	if pinged, _ := c.Session().Load("pinged"); pinged == string(data) {
		pong(gwsSession{c}, data)
	} // else the Pong was unsolicited
}

func (gwsEvents) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	if err := answer(gwsSession{c}, m.Opcode == gws.OpcodeText, m.Bytes()); err != nil {
		c.NetConn().Close()
	}
}

func (gwsEvents) OnClose(_ *gws.Conn, err error) {
	if ce, ok := errors.AsType[*gws.CloseError](err); ok {
		code := int(ce.Code)
		if code == 0 {
			code = 1005 // the frame had no status
		}
		reportClosed(code, string(ce.Reason))
	}
}

type gwsSession struct{ c *gws.Conn }

func gwsKind(text bool) gws.Opcode {
	if text {
		return gws.OpcodeText
	}
	return gws.OpcodeBinary
}

func (s gwsSession) send(text bool, p []byte) error {
	return s.c.WriteMessage(gwsKind(text), p)
}

func (s gwsSession) sendParts(text bool, parts [][]byte, end bool) error {
	return s.c.WriteFile(gwsKind(text), &partReader{parts: parts, end: end})
}

func (s gwsSession) ping(data []byte) error {
	s.c.Session().Store("pinged", string(data))
	return s.c.WritePing(data)
}

func (s gwsSession) startClose(code int, reason string) error {
	return s.c.WriteClose(uint16(code), []byte(reason))
}

// partReader returns one part from each Read: WriteFile makes a frame of what one Read
// returned, up to 128 KiB.
type partReader struct {
	parts [][]byte
	end   bool
}

func (r *partReader) Read(p []byte) (int, error) {
	if len(r.parts) == 0 {
		if !r.end {
			select {} // the rest of the message never comes
		}
		return 0, io.EOF
	}
	n := copy(p, r.parts[0])
	if r.parts[0] = r.parts[0][n:]; len(r.parts[0]) == 0 {
		r.parts = r.parts[1:]
	}
	return n, nil
}
