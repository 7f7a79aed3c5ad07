package main

// This file is the server on github.com/coder/websocket.

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

func serveCoder(ln net.Listener) error {
	opts := &websocket.AcceptOptions{Subprotocols: []string{subprotocol}}
	return http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, opts)
		if err != nil {
			return // Accept has answered
		}
		defer c.CloseNow()
		c.SetReadLimit(maxMessage)
		s := coderSession{ctx: context.Background(), c: c}
		for {
			kind, p, err := c.Read(s.ctx)
			if ce, ok := errors.AsType[websocket.CloseError](err); ok {
				reportClosed(int(ce.Code), ce.Reason)
			}
			if err != nil {
				return
			}
			if err := answer(s, kind == websocket.MessageText, p); err != nil {
				return
			}
		}
	}))
}

type coderSession struct {
	ctx context.Context
	c   *websocket.Conn
}

func coderKind(text bool) websocket.MessageType {
	if text {
		return websocket.MessageText
	}
	return websocket.MessageBinary
}

func (s coderSession) send(text bool, p []byte) error {
	return s.c.Write(s.ctx, coderKind(text), p)
}

func (s coderSession) sendParts(text bool, parts [][]byte, end bool) error {
	w, err := s.c.Writer(s.ctx, coderKind(text))
	if err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := w.Write(p); err != nil { // each is a frame
			return err
		}
	}
	if !end {
		return nil
	}
	return w.Close()
}

// ping leaves the read loop running, which receives the Pong. The library itself chooses
// the data of its Pings.
func (s coderSession) ping(data []byte) error {
	go func() {
		if err := s.c.Ping(s.ctx); err != nil {
			s.c.CloseNow()
			return
		}
		pong(s, data)
	}()
	return nil
}

func (s coderSession) startClose(code int, reason string) error {
	if code == 0 {
		code = int(websocket.StatusNoStatusRcvd) // gives an empty Close frame
	}
	return s.c.Close(websocket.StatusCode(code), reason)
}
