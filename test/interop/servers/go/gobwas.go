package main

// This file is the server on github.com/gobwas/ws.

import (
	"bufio"
	"io"
	"net"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

func serveGobwas(ln net.Listener) error {
	upgrader := ws.Upgrader{Protocol: func(p []byte) bool { return string(p) == subprotocol }}
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if _, err := upgrader.Upgrade(c); err != nil {
				return // Upgrade has answered
			}
			s := &gobwasSession{c: c}
			s.readLoop()
		}()
	}
}

type gobwasSession struct {
	c       net.Conn
	closing bool   // our Close frame was sent
	pinged  string // data of the Ping that the test asked for
}

func (s *gobwasSession) readLoop() error {
	rd := &wsutil.Reader{
		Source:         bufio.NewReaderSize(s.c, 64<<10),
		State:          ws.StateServerSide,
		CheckUTF8:      true,
		MaxMessageSize: maxMessage,
		OnIntermediate: s.control,
	}
	for {
		h, err := rd.NextFrame()
		if err != nil {
			return err
		}
		if h.OpCode.IsControl() {
			if err := s.control(h, rd); err != nil {
				return err
			}
			continue
		}
		p, err := io.ReadAll(rd) // to the end of the message
		if err != nil {
			return err
		}
		if err := answer(s, h.OpCode == ws.OpText, p); err != nil {
			return err
		}
	}
}

// control answers control frames; it returns io.EOF after the closing handshake.
func (s *gobwasSession) control(h ws.Header, r io.Reader) error {
	p := make([]byte, h.Length)
	if _, err := io.ReadFull(r, p); err != nil {
		return err
	}
	switch h.OpCode {
	case ws.OpPing:
		return ws.WriteFrame(s.c, ws.NewPongFrame(p))
	case ws.OpPong:
		if string(p) != s.pinged {
			return nil // the Pong was unsolicited
		}
		return pong(s, p)
	}
	code, reason := ws.ParseCloseFrameData(p)
	if len(p) == 0 {
		code = ws.StatusNoStatusRcvd
	}
	reportClosed(int(code), reason)
	if s.closing {
		return io.EOF
	}
	if err := ws.WriteFrame(s.c, ws.NewCloseFrame(p)); err != nil {
		return err
	}
	return io.EOF
}

func gobwasKind(text bool) ws.OpCode {
	if text {
		return ws.OpText
	}
	return ws.OpBinary
}

func (s *gobwasSession) send(text bool, p []byte) error {
	return ws.WriteFrame(s.c, ws.NewFrame(gobwasKind(text), true, p))
}

func (s *gobwasSession) sendParts(text bool, parts [][]byte, end bool) error {
	op := gobwasKind(text)
	for i, p := range parts {
		fin := end && i == len(parts)-1
		if err := ws.WriteFrame(s.c, ws.NewFrame(op, fin, p)); err != nil {
			return err
		}
		op = ws.OpContinuation
	}
	return nil
}

func (s *gobwasSession) ping(data []byte) error {
	s.pinged = string(data)
	return ws.WriteFrame(s.c, ws.NewPingFrame(data))
}

func (s *gobwasSession) startClose(code int, reason string) error {
	s.closing = true
	var body []byte
	if code != 0 {
		body = ws.NewCloseFrameBody(ws.StatusCode(code), reason)
	}
	return ws.WriteFrame(s.c, ws.NewCloseFrame(body))
}
