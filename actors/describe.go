package actors

// This file puts messages into words.

import (
	"fmt"
	"reflect"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/dandelionws/dandelion/messages"
)

// Describe returns one line about a message between the actors, for people: its name, with
// sizes and codes, without payloads, texts and URLs.
func Describe(message any) string {
	switch m := message.(type) {
	case interface{ Describe() string }: // those of internal packages
		return m.Describe()
	case *messages.SendText:
		return fmt.Sprintf("SendText %d B", len(m.Text))
	case *messages.SendBinary:
		return fmt.Sprintf("SendBinary %d B", len(m.Data))
	case *messages.SendFragment:
		return fmt.Sprintf("SendFragment stream %d%s %d B", m.Stream, flags(m.First, m.Final), len(m.Data))
	case *messages.Ping:
		return fmt.Sprintf("Ping %d B", len(m.Data))
	case *messages.Pong:
		return fmt.Sprintf("Pong %d B", len(m.Data))
	case *messages.Close:
		return fmt.Sprintf("Close code %d", m.Code)
	case *messages.FailConnection:
		return fmt.Sprintf("FailConnection code %d", m.Code)
	case *messages.Connecting:
		return fmt.Sprintf("Connecting epoch %d attempt %d", m.Epoch, m.Attempt)
	case *messages.Opened:
		return fmt.Sprintf("Opened epoch %d", m.Epoch)
	case *messages.Closing:
		return fmt.Sprintf("Closing epoch %d by %s code %d", m.Epoch, m.By, m.Code)
	case *messages.Closed:
		return fmt.Sprintf("Closed epoch %d code %d clean %v unsent %d", m.Epoch, m.Err.Code, m.Err.Clean, m.Unsent)
	case *messages.HandlerBehind:
		return fmt.Sprintf("HandlerBehind epoch %d, %d B", m.Epoch, m.Unhandled)
	case *messages.HandlerCaughtUp:
		return fmt.Sprintf("HandlerCaughtUp epoch %d after %v", m.Epoch, m.Stopped.Round(time.Millisecond))
	case *messages.ReconnectScheduled:
		return fmt.Sprintf("ReconnectScheduled attempt %d in %v: %s", m.Attempt, m.Delay.Round(time.Millisecond), m.Reason)
	case *messages.OutboxDropped:
		return fmt.Sprintf("OutboxDropped %d, %d B: %v", m.Ref, m.Size, m.Reason)
	case *messages.OutboxFailed:
		return fmt.Sprintf("OutboxFailed %s: %v", m.Call, m.Err)
	case *messages.Paused:
		return fmt.Sprintf("Paused epoch %d", m.Epoch)
	case *messages.GaveUp:
		return fmt.Sprintf("GaveUp after %d attempts: %s", m.Attempts, m.Reason)
	case *messages.Stopped:
		return fmt.Sprintf("Stopped epoch %d", m.Epoch)
	case *messages.Sent:
		return fmt.Sprintf("Sent %d", m.Ref)
	case *messages.SendFailed:
		return fmt.Sprintf("SendFailed %d: %v", m.Ref, m.Err)
	case *messages.TextReceived:
		return fmt.Sprintf("TextReceived %d B", len(m.Text))
	case *messages.BinaryReceived:
		return fmt.Sprintf("BinaryReceived %d B", len(m.Data))
	case *messages.FragmentReceived:
		return fmt.Sprintf("FragmentReceived%s %d B", flags(m.First, m.Final), len(m.Data))
	case *messages.PingReceived:
		return fmt.Sprintf("PingReceived %d B", len(m.Data))
	case *messages.PongReceived:
		return fmt.Sprintf("PongReceived %d B rtt %v", len(m.Data), m.RTT)
	case *actor.Terminated:
		return "Terminated"
	}
	t := reflect.TypeOf(message)
	if t == nil {
		return "nil"
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

func flags(first, final bool) string {
	s := ""
	if first {
		s += " first"
	}
	if final {
		s += " final"
	}
	return s
}
