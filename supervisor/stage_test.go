package supervisor_test

// This file is the stage of the golden traces: a connection, its user and its
// server, which do what a scenario says.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/handle"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/outbox"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// stage puts a connection into a scenario: an actor system, a server in memory
// that does nothing by itself, and a user. It traces every message between the
// actors, and what the client writes. Its steps are
//
//	server: accepts                      also the connections to come; it does from the beginning
//	server: refuses                      with status 503, until it accepts again
//	server: refuses 401 after=7 ws://a/  with this status, Retry-After and only at this URL; each may be left out
//	server: text "a" binary "\x00" ping "b" pong "c" close 1000 "bye" raw "81 00"
//	                                     any number of frames in one write
//	server: text "a" eof                 and then FIN
//	server: text "a" dies                and then a reset
//	config: once                         before the connection is spawned
//	config: attempts 5                   Retry.MaxAttempts
//	config: endpoints ws://a/ ws://b/    Endpoints.URLs
//	config: provider                     a Provider with a new token for each attempt that asks for one
//	config: subscribe "a"                Subscribe with one message: a and the epoch
//	config: outbox messages=2 ttl=1s drop-oldest acks
//	                                     an Outbox; also drop-newest or block; acks are texts "ack id"
//	config: keepalive 30s 10s 1          PingInterval, PongTimeout, PingMisses
//	config: queue 100                    QueueMessages
//	user: spawn
//	user: text "a" ref=2 ttl=1s resend id=b
//	                                     the words behind the text may be left out
//	user: binary "\x00"
//	user: fragment 1 "a" first           stream, data, and first, final or both
//	user: ping "a"
//	user: pong "a"
//	user: close 1000 "bye"
//	user: fail 1008
//	user: reconnect
//	user: pause
//	user: resume
//	user: stop 1s                        Flush; may be left out
//	user: dies                           the actor terminates
type stage struct {
	scenario *wstest.Scenario
	// config leads to the server, without chance in the delays: each is half of its
	// upper end.
	config supervisor.Config

	mu     sync.Mutex
	refuse map[string]stageRefusal // by URL; "" for all
	once   bool                    // of the user's connection every end is final
	server *wstest.PipeConn        // of the last connection
}

// stageRefusal is how the server answers a handshake that it refuses.
type stageRefusal struct {
	status     int
	retryAfter string
}

// newStage sets up a stage for a scenario.
func newStage(t *testing.T, s *wstest.Scenario) {
	st := &stage{scenario: s, refuse: map[string]stageRefusal{}}
	st.config = supervisor.Config{
		URL:        "ws://server.test/",
		Handshaker: stageHandshaker{st},
		Observer:   stageObserver{s},
		Retry: retry.Policy{
			Backoff: retry.Exponential{Float64: func() float64 { return 0.5 }}.New,
		},
	}
	s.Receivers("supervisor", "reader", "protocol", "writer", "callback", "user", "answers", "server")
	s.Settle(settleActors)
	s.Part("config", st.configure)
	s.Part("server", st.serverDoes)
	t.Cleanup(func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		if st.server != nil {
			st.server.Close()
		}
	})
	st.addUser(wstest.NewSystem(t).Root)
}

// addUser adds the user of the connection: an actor that spawns it, gives commands
// and gets events and answers.
func (st *stage) addUser(root *actor.RootContext) {
	user := root.Spawn(actor.PropsFromFunc(func(actor.Context) {}, st.scenario.Traced("user")))
	st.config.Target = user
	var pid *actor.PID
	st.scenario.Part("user", func(words []string) {
		switch {
		case words[0] == "spawn":
			h := handle.New()
			h.Once = st.once
			pid = root.Spawn(supervisor.Props(st.config).Configure(h.Option()))
		case words[0] == "dies":
			root.Stop(user)
		case pid == nil:
			st.scenario.Fatalf("user: spawn has to come first")
		default:
			root.RequestWithCustomSender(pid, st.command(words), user)
		}
	})
}

// command makes the message for a user's step.
func (st *stage) command(w []string) any {
	switch w[0] {
	case "text":
		return st.text(w)
	case "binary":
		return &messages.SendBinary{Ref: 1, Data: []byte(st.word(w, 1))}
	case "fragment":
		stream := uint64(st.number(w, 1))
		return &messages.SendFragment{Ref: stream, Stream: stream, Kind: messages.KindText,
			First: slices.Contains(w, "first"), Final: slices.Contains(w, "final"), Data: []byte(st.word(w, 2))}
	case "ping":
		return &messages.Ping{Ref: 1, Data: []byte(st.word(w, 1))}
	case "pong":
		return &messages.Pong{Ref: 1, Data: []byte(st.word(w, 1))}
	case "close":
		return &messages.Close{Ref: 9, Code: wire.StatusCode(st.number(w, 1)), Reason: st.word(w, 2)}
	case "fail":
		return &messages.FailConnection{Code: wire.StatusCode(st.number(w, 1)), Cause: errors.New("for the test")}
	case "reconnect":
		return &messages.Reconnect{}
	case "pause":
		return &messages.Pause{}
	case "resume":
		return &messages.Resume{}
	case "stop":
		m := &messages.Stop{}
		if len(w) > 1 {
			m.Flush = st.duration(w, 1)
		}
		return m
	}
	st.scenario.Fatalf("unknown command %q", w)
	return nil
}

// text makes a SendText with what stands behind the text.
func (st *stage) text(w []string) *messages.SendText {
	m := &messages.SendText{Ref: 1, Text: st.word(w, 1)}
	for _, word := range w[2:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "ref":
			m.Ref = uint64(st.number([]string{value}, 0))
		case "ttl":
			m.TTL = st.duration([]string{value}, 0)
		case "resend":
			m.Resend = true
		case "id":
			m.ID = value
		default:
			st.scenario.Fatalf("unknown word %q behind a text", word)
		}
	}
	return m
}

func (st *stage) configure(w []string) {
	switch w[0] {
	case "keepalive":
		st.config.PingInterval = st.duration(w, 1)
		st.config.PongTimeout = st.duration(w, 2)
		st.config.PingMisses = st.number(w, 3)
	case "once":
		st.once, st.config.Retry.MaxAttempts = true, 1
	case "attempts":
		st.config.Retry.MaxAttempts = st.number(w, 1)
	case "endpoints":
		st.config.Endpoints.URLs = w[1:]
	case "provider":
		st.config.Provider = stageProvider()
	case "subscribe":
		topic := st.word(w, 1)
		st.config.Subscribe = func(_ context.Context, opened *messages.Opened) ([]messages.Outgoing, error) {
			return []messages.Outgoing{{Kind: messages.KindText, Data: fmt.Appendf(nil, "subscribe %s %d", topic, opened.Epoch)}}, nil
		}
	case "outbox":
		st.config.Outbox = st.outbox(w[1:])
	case "queue":
		st.config.QueueMessages = st.number(w, 1)
	default:
		st.scenario.Fatalf("unknown configuration %q", w)
	}
}

// stageProvider gives the token 1, and the next one whenever it is asked to refresh.
func stageProvider() func(context.Context, supervisor.Attempt) (handshake.Request, error) {
	token := 1
	return func(_ context.Context, a supervisor.Attempt) (handshake.Request, error) {
		if a.Refresh {
			token++
		}
		a.Request.Header = http.Header{"Authorization": {fmt.Sprintf("token%d", token)}}
		return a.Request, nil
	}
}

func (st *stage) outbox(w []string) *outbox.Config {
	cfg := &outbox.Config{}
	for _, word := range w {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "messages":
			cfg.Messages = st.number([]string{value}, 0)
		case "ttl":
			cfg.TTL = st.duration([]string{value}, 0)
		case "drop-oldest":
			cfg.Full = outbox.DropOldest
		case "drop-newest":
			cfg.Full = outbox.DropNewest
		case "block":
			cfg.Full = outbox.Block
		case "acks":
			cfg.Acked = func(_ messages.Kind, data []byte) (outbox.Ack, bool) {
				id, ok := strings.CutPrefix(string(data), "ack ")
				id, through := strings.CutSuffix(id, " and before")
				return outbox.Ack{ID: id, Through: through}, ok
			}
		default:
			st.scenario.Fatalf("unknown setting %q of an outbox", word)
		}
	}
	return cfg
}

// refuses makes the server refuse handshakes.
func (st *stage) refuses(w []string) {
	r, url := stageRefusal{status: http.StatusServiceUnavailable}, ""
	for _, word := range w {
		if after, ok := strings.CutPrefix(word, "after="); ok {
			r.retryAfter = after
		} else if strings.HasPrefix(word, "ws:") {
			url = word
		} else {
			r.status = st.number([]string{word}, 0)
		}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.refuse[url] = r
}

// serverDoes plays what a server's step says.
func (st *stage) serverDoes(w []string) {
	var buf []byte
	for len(w) > 0 {
		opcode, isFrame := stageFrames[w[0]]
		switch {
		case w[0] == "refuses":
			st.refuses(w[1:])
			return
		case w[0] == "accepts":
			st.mu.Lock()
			clear(st.refuse)
			st.mu.Unlock()
			return
		case w[0] == "eof":
			st.write(buf)
			st.conn().CloseWrite()
			return
		case w[0] == "dies":
			st.write(buf)
			st.conn().Reset()
			return
		case w[0] == "raw":
			buf = append(buf, wstest.Hex(st.word(w, 1))...)
			w = w[2:]
		case w[0] == "close":
			code := st.number(w, 1)
			buf = append(buf, serverFrame(wire.OpClose, append([]byte{byte(code >> 8), byte(code)}, st.word(w, 2)...))...)
			w = w[3:]
		case isFrame:
			buf = append(buf, serverFrame(opcode, []byte(st.word(w, 1)))...)
			w = w[2:]
		default:
			st.scenario.Fatalf("unknown frame %q", w[0])
		}
	}
	st.write(buf)
}

var stageFrames = map[string]wire.Opcode{"text": wire.OpText, "binary": wire.OpBinary, "ping": wire.OpPing, "pong": wire.OpPong}

// write writes to the client. It blocks as long as the pipe is full.
func (st *stage) write(p []byte) {
	if _, err := st.conn().Write(p); err != nil {
		st.scenario.Fatalf("%v", err)
	}
}

// conn is the server's end of the last connection.
func (st *stage) conn() *wstest.PipeConn {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.server == nil {
		st.scenario.Fatalf("no connection has come yet")
	}
	return st.server
}

func (st *stage) word(w []string, i int) string {
	if i >= len(w) {
		st.scenario.Fatalf("%q: too few words", w)
	}
	return w[i]
}

func (st *stage) number(w []string, i int) int {
	n, err := strconv.Atoi(st.word(w, i))
	if err != nil {
		st.scenario.Fatalf("%q: %v", w, err)
	}
	return n
}

func (st *stage) duration(w []string, i int) time.Duration {
	d, err := time.ParseDuration(st.word(w, i))
	if err != nil {
		st.scenario.Fatalf("%q: %v", w, err)
	}
	return d
}

// stageHandshaker hands out one end of a pipe.
type stageHandshaker struct{ st *stage }

func (h stageHandshaker) Handshake(_ context.Context, req *handshake.Request) (*handshake.Result, error) {
	st := h.st
	if token := req.Header.Get("Authorization"); token != "" {
		st.scenario.Log("server", "asked with %s", token)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	r, refused := st.refuse[""]
	if !refused {
		r, refused = st.refuse[req.URL]
	}
	if refused {
		header := http.Header{"Retry-After": {r.retryAfter}}
		return nil, &handshake.Error{Stage: handshake.StageHTTP, Status: r.status, Header: header, Err: errors.New("refused")}
	}
	client, server := wstest.Pipe(1 << 20)
	st.server = server
	go st.traceServer(server)
	return &handshake.Result{Stream: client, Status: http.StatusSwitchingProtocols, Header: http.Header{}}, nil
}

// traceServer logs what the client writes, until it has ended the stream.
func (st *stage) traceServer(conn *wstest.PipeConn) {
	var unread []byte
	var kind wire.Opcode // of the message under way
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		unread = append(unread, buf[:n]...)
		for {
			f, n, violation := wstest.ParseFrame(unread)
			if violation != nil {
				st.scenario.Log("server", "violation: %v", violation)
				unread = nil
			}
			if n == 0 {
				break
			}
			unread = unread[n:]
			if f.Opcode == wire.OpText || f.Opcode == wire.OpBinary {
				kind = f.Opcode
			}
			st.scenario.Log("server", "%s", describeFrame(f, kind))
		}
		switch {
		case errors.Is(err, io.EOF):
			st.scenario.Log("server", "EOF")
			return
		case err != nil:
			st.scenario.Log("server", "connection lost")
			return
		}
	}
}

// describeFrame writes a frame with its payload. kind is that of the message to
// which a data frame belongs.
func describeFrame(f wstest.Frame, kind wire.Opcode) string {
	switch {
	case !f.Masked || f.RSV != 0 || f.Opcode.IsReserved():
		return "violation: " + f.String()
	case f.Opcode == wire.OpPing && len(f.Payload) == 8:
		return "PING 8 B" // of the keepalive, with data that nobody knows
	case f.Opcode == wire.OpClose:
		return fmt.Sprintf("CLOSE %d %q", f.CloseCode(), f.CloseReason())
	case f.Opcode.IsControl():
		return fmt.Sprintf("%s %q", strings.ToUpper(f.Opcode.String()), f.Payload)
	}
	line := fmt.Sprintf("%s %q", strings.ToUpper(kind.String()), f.Payload)
	if first := f.Opcode != wire.OpContinuation; !f.Fin || !first {
		line += fmt.Sprintf(" first=%v final=%v", first, f.Fin)
	}
	return line
}

// stageObserver logs the messages between the actors of the library.
type stageObserver struct{ s *wstest.Scenario }

func (o stageObserver) Posted(to actors.Role, _ uint64, message any, _ *actor.PID) {
	switch message.(type) {
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Touched, *actor.DeadLetterResponse:
		return // the life of actors is protoactor's business
	}
	o.s.Log(to.String(), "%s", actors.Describe(message))
}

func (o stageObserver) Handled(actors.Role, uint64, any) {}

// settleActors takes out of a step what may or may not come in time.
func settleActors(lines map[string][]string) {
	slices.Sort(lines["reader"]) // from callback and protocol
	dropped := slices.ContainsFunc(lines["protocol"], func(line string) bool {
		return strings.HasPrefix(line, "timeout") || line == "FailConnection code 0"
	})
	if dropped { // whether the reader finds that before the actors have stopped is open
		lines["protocol"] = slices.DeleteFunc(lines["protocol"], func(line string) bool { return line == "Batch [end]" })
	}
}

// serverFrame is a whole frame of a server.
func serverFrame(op wire.Opcode, payload []byte) []byte {
	return wstest.AppendFrame(nil, wire.Header{Fin: true, Opcode: op, Length: uint64(len(payload))}, payload)
}
