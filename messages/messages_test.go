package messages_test

// This file tests names and error texts.

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		messages.StateConnecting.String(): "CONNECTING",
		messages.StateOpen.String():       "OPEN",
		messages.StateClosing.String():    "CLOSING",
		messages.StateClosed.String():     "CLOSED",
		messages.StateWaiting.String():    "WAITING",
		messages.StateStopped.String():    "STOPPED",
		messages.State(0).String():        "UNKNOWN",
		messages.State(99).String():       "UNKNOWN",
		messages.KindText.String():        "text",
		messages.KindBinary.String():      "binary",
		messages.Kind(0).String():         "unknown",
		messages.Local.String():           "local",
		messages.Remote.String():          "remote",
		messages.Neither.String():         "neither",
	} {
		require.Equal(t, want, got)
	}
	require.Equal(t, wire.OpText, messages.KindText.Opcode())
	require.Equal(t, wire.OpBinary, messages.KindBinary.Opcode())
}

// A CloseError says everything in one line, and errors.Is and errors.As find what is in it.
func TestCloseError(t *testing.T) {
	for _, test := range []struct {
		name string
		err  *messages.CloseError
		want string
	}{
		{"clean, by the server", &messages.CloseError{Code: 1001, Reason: "restart", By: messages.Remote, Clean: true, SentCode: 1001},
			`websocket closed by the server: code 1001 (going away), reason "restart", clean`},
		{"another code than ours", &messages.CloseError{Code: 4001, By: messages.Local, Clean: true, SentCode: 4000},
			"websocket closed by this side: code 4001 (" + wire.StatusCode(4001).String() + "), clean, we sent 4000"},
		{"lost", &messages.CloseError{Code: wire.StatusAbnormal, Cause: io.ErrUnexpectedEOF},
			"websocket closed: code 1006 (abnormal closure), not clean: unexpected EOF"},
		{"with whom", &messages.CloseError{Code: wire.StatusAbnormal, Cause: io.ErrUnexpectedEOF, Server: "example.org:8443"},
			"websocket to example.org:8443 closed: code 1006 (abnormal closure), not clean: unexpected EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.EqualError(t, test.err, test.want)
			require.ErrorIs(t, test.err, messages.ErrClosed)
			wrapped := fmt.Errorf("sending: %w", test.err)
			var found *messages.CloseError
			require.ErrorAs(t, wrapped, &found)
			require.Same(t, test.err, found)
			if test.err.Cause != nil {
				require.ErrorIs(t, wrapped, test.err.Cause)
			}
			require.False(t, errors.Is(wrapped, messages.ErrQueueFull))
		})
	}
}

// A limit is found as ErrMessageTooBig as well as by its type.
func TestMessageTooBig(t *testing.T) {
	require.ErrorIs(t, &messages.CloseError{Cause: fmt.Errorf("receiving: %w", &wire.LimitError{})}, messages.ErrMessageTooBig)
	require.NotErrorIs(t, &messages.CloseError{Cause: io.ErrUnexpectedEOF}, messages.ErrMessageTooBig)
	require.NotErrorIs(t, &messages.CloseError{}, messages.ErrMessageTooBig)
}

func TestHandlerTerminatedError(t *testing.T) {
	require.EqualError(t, &messages.HandlerTerminatedError{PID: "nonhost/$1"}, "callback actor nonhost/$1 has terminated")
}
