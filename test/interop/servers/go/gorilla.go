package main

// This file is the server on github.com/gorilla/websocket.

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

func serveGorilla(ln net.Listener) error {
	upgrader := websocket.Upgrader{
		Subprotocols: []string{subprotocol},
		CheckOrigin:  func(*http.Request) bool { return true },
	}
	return http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // the upgrader has answered
		}
		defer c.Close()
		c.SetReadLimit(maxMessage)
		s := &gorillaSession{c: c}
		c.SetPongHandler(s.onPong)
		for {
			kind, p, err := c.ReadMessage()
			if ce, ok := errors.AsType[*websocket.CloseError](err); ok && ce.Code != websocket.CloseAbnormalClosure {
				reportClosed(ce.Code, ce.Text)
			}
			if err != nil {
				return
			}
			if err := answer(s, kind == websocket.TextMessage, p); err != nil {
				return
			}
		}
	}))
}

type gorillaSession struct {
	c      *websocket.Conn
	pinged string // data of the Ping that the test asked for
}

func gorillaKind(text bool) int {
	if text {
		return websocket.TextMessage
	}
	return websocket.BinaryMessage
}

func (s *gorillaSession) send(text bool, p []byte) error {
	return s.c.WriteMessage(gorillaKind(text), p)
}

func (s *gorillaSession) sendParts(text bool, parts [][]byte, end bool) error {
	w, err := s.c.NextWriter(gorillaKind(text))
	if err != nil {
		return err
	}
	// A Write of more than twice the write buffer (4 KiB) becomes a separate frame.
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	if !end {
		return nil
	}
	return w.Close()
}

func (s *gorillaSession) ping(data []byte) error {
	s.pinged = string(data)
	return s.c.WriteControl(websocket.PingMessage, data, time.Now().Add(5*time.Second))
}

func (s *gorillaSession) onPong(data string) error {
	if data != s.pinged {
		return nil // the Pong was unsolicited
	}
	return pong(s, []byte(data))
}

func (s *gorillaSession) startClose(code int, reason string) error {
	if code == 0 {
		code = websocket.CloseNoStatusReceived // gives an empty Close frame
	}
	return s.c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(5*time.Second))
}
