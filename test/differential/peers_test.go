package differential

// This file receives with the other implementations, each as a client.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
)

// maxMessage is the largest message in bytes that every implementation is to accept: the
// smallest limit that needs all three forms of length.
const maxMessage = 1 << 17

// peer is another implementation.
type peer struct {
	name    string
	receive func(stream []byte) []outcome
}

const (
	nameGorilla = "gorilla"
	nameGobwas  = "gobwas"
	nameCoder   = "coder"
)

var peers = []peer{
	{nameGorilla, receiveGorilla},
	{nameGobwas, receiveGobwas},
	{nameCoder, receiveCoder},
}

const peerURL = "ws://server.example/"

// receiveGorilla receives with github.com/gorilla/websocket.
func receiveGorilla(stream []byte) (list []outcome) {
	server := newConn(stream)
	dialer := gorilla.Dialer{NetDial: func(string, string) (net.Conn, error) { return server, nil }}
	c, _, err := dialer.Dial(peerURL, nil)
	if err != nil {
		return []outcome{{kind: broken, data: err.Error()}}
	}
	c.SetReadLimit(maxMessage)
	c.SetPingHandler(func(payload string) error {
		list = append(list, outcome{kind: ping, data: payload})
		return nil
	})
	c.SetPongHandler(func(payload string) error {
		list = append(list, outcome{kind: pong, data: payload})
		return nil
	})
	for {
		op, payload, err := c.ReadMessage()
		if err == nil {
			list = append(list, outcome{kind: kindOf(op), data: string(payload)})
			continue
		}
		ce, ok := errors.AsType[*gorilla.CloseError](err)
		switch {
		case ok && ce.Code == gorilla.CloseAbnormalClosure: // no Close frame can have this code
			return append(list, outcome{kind: ended})
		case ok:
			return append(list, outcome{closed, ce.Code, ce.Text})
		}
		return append(list, failure(server, err))
	}
}

// failure returns the outcome for an error of an implementation that itself fails the
// connection.
func failure(server *conn, err error) outcome {
	if code := server.sentClose(); code != 0 {
		return outcome{kind: failed, code: code}
	}
	return outcome{kind: failed, data: err.Error()}
}

// receiveGobwas receives with github.com/gobwas/ws/wsutil.
func receiveGobwas(stream []byte) (list []outcome) {
	answer := wsutil.ControlFrameHandler(io.Discard, ws.StateClientSide)
	control := func(h ws.Header, body io.Reader) error {
		payload := make([]byte, h.Length)
		if n, err := io.ReadFull(body, payload); n < len(payload) {
			// Not err: inside a message io.EOF would mean that it is complete.
			return fmt.Errorf("control frame: %w, %v", io.ErrUnexpectedEOF, err)
		}
		if h.OpCode != ws.OpClose {
			list = append(list, outcome{kind: kindOf(h.OpCode), data: string(payload)})
		}
		return answer(h, bytes.NewReader(payload))
	}
	rd := &wsutil.Reader{
		Source:         bytes.NewReader(stream),
		State:          ws.StateClientSide,
		CheckUTF8:      true,
		MaxMessageSize: maxMessage,
		OnIntermediate: control,
	}
	for {
		h, err := rd.NextFrame()
		switch {
		case err != nil:
		case h.OpCode.IsControl():
			err = control(h, rd)
		default:
			var payload []byte
			if payload, err = io.ReadAll(rd); err == nil {
				list = append(list, outcome{kind: kindOf(h.OpCode), data: string(payload)})
			}
		}
		if err != nil {
			return append(list, gobwasEnd(err))
		}
	}
}

// gobwasEnd returns the outcome for an error. gobwas leaves it to the program to send a
// Close frame for it, except after a bad Close frame, for which it sends 1002.
func gobwasEnd(err error) outcome {
	if ce, ok := errors.AsType[wsutil.ClosedError](err); ok {
		return outcome{closed, int(ce.Code), ce.Reason}
	}
	if _, ok := errors.AsType[ws.ProtocolError](err); ok {
		return outcome{kind: failed, code: 1002}
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return outcome{kind: ended}
	case errors.Is(err, ws.ErrHeaderLengthMSB):
		return outcome{kind: failed, code: 1002}
	case errors.Is(err, wsutil.ErrInvalidUTF8):
		return outcome{kind: failed, code: 1007}
	case errors.Is(err, wsutil.ErrMessageTooLarge):
		return outcome{kind: failed, code: 1009}
	}
	return outcome{kind: broken, data: err.Error()}
}

// receiveCoder receives with github.com/coder/websocket.
func receiveCoder(stream []byte) (list []outcome) {
	server := newOpenConn(stream)
	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, peerURL, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: server},
		OnPingReceived: func(_ context.Context, payload []byte) bool {
			list = append(list, outcome{kind: ping, data: string(payload)})
			return false
		},
		OnPongReceived: func(_ context.Context, payload []byte) {
			list = append(list, outcome{kind: pong, data: string(payload)})
		},
	})
	if err != nil {
		return []outcome{{kind: broken, data: err.Error()}}
	}
	defer c.CloseNow()
	c.SetReadLimit(maxMessage)
	for {
		op, payload, err := c.Read(ctx)
		if err == nil {
			list = append(list, outcome{kind: kindOf(op), data: string(payload)})
			continue
		}
		if ce, ok := errors.AsType[websocket.CloseError](err); ok {
			return append(list, outcome{closed, int(ce.Code), ce.Reason})
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return append(list, outcome{kind: ended})
		}
		return append(list, failure(server, err))
	}
}
