package conformance_test

// This file tests which responses with the status 101 open the connection: RFC 6455
// §4.1, §4.2.2, §9.1, RFC 7230, RFC 9110.

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
)

// transport is a way in which the client reaches the server.
type transport struct {
	name    string
	serve   func(t wstest.TestingT, opts ...wstest.Option) *wstest.Server
	adapter func(opts *dandelion.Options) handshake.Adapter
	lenient bool // the response is read by a parser other than ours
}

// transports are those on which all responses are checked.
var transports = []transport{
	{"pipe", wstest.NewPipe, ownHTTP, false},
	{"TCP", wstest.NewServer, ownHTTP, false},
	{"TLS", wstest.NewTLSServer, ownHTTP, false},
	{"TCP with net http", wstest.NewServer, netHTTP, true},
}

// ownHTTP uses the library's own HTTP exchange, over the network of opts.
func ownHTTP(opts *dandelion.Options) handshake.Adapter {
	return &handshake.NetAdapter{DialContext: opts.DialContext, TLSConfig: opts.TLSConfig, Gate: opts.Gate}
}

// netHTTP leaves the HTTP exchange to package net/http.
func netHTTP(opts *dandelion.Options) handshake.Adapter {
	return &handshake.RoundTripAdapter{
		Client: &http.Client{Transport: &http.Transport{DialContext: opts.DialContext, TLSClientConfig: opts.TLSConfig}},
		Gate:   opts.Gate,
	}
}

// responseCase is a response to a request.
type responseCase struct {
	name   string
	asked  []string              // subprotocols
	offers []handshake.Extension // none by default
	edits  []wstest.Edit         // to the correct response, or
	write  func(c *wstest.Conn)  // what is written instead, after the request was read
	check  func(t *testing.T, e *messages.Opened)

	why     reason // the response is refused
	netHTTP reason // the reason if package net/http reads the response, and is lenient here
}

// reason is why a response is refused: the stage, and words in the error.
type reason struct {
	stage handshake.Stage
	words string
}

// The reasons. Package net/http words those of StageHTTP differently.
var (
	notHTTP         = reason{handshake.StageHTTP, "not HTTP/1"}
	wrongStatusLine = reason{handshake.StageHTTP, "status line"}
	wrongHeaderLine = reason{handshake.StageHTTP, "header line"}
	closedEarly     = reason{handshake.StageHTTP, "connection was closed"}

	wrongVersion     = reason{handshake.StageValidate, "no upgrade"}
	wrongName        = reason{handshake.StageValidate, "header line"}
	wrongUpgrade     = reason{handshake.StageValidate, "Upgrade field"}
	wrongConnection  = reason{handshake.StageValidate, "Connection field"}
	wrongAccept      = reason{handshake.StageValidate, "Sec-WebSocket-Accept"}
	wrongGrammar     = reason{handshake.StageValidate, "Sec-WebSocket-Extensions"}
	notOffered       = reason{handshake.StageValidate, "not offered"}
	usedTwice        = reason{handshake.StageValidate, "twice"}
	notAsked         = reason{handshake.StageValidate, "not asked for"}
	severalProtocols = reason{handshake.StageValidate, "several Sec-WebSocket-Protocol"}
)

// wantReason fails unless e, the error of a dial via the transport, is for the reason of a.
func (a *responseCase) wantReason(t *testing.T, via transport, e *handshake.Error) {
	t.Helper()
	want := a.why
	if via.lenient {
		if a.netHTTP.stage != 0 {
			want = a.netHTTP
		}
		if want.stage == handshake.StageHTTP {
			want.words = ""
		}
	}
	wantStage(t, e, want.stage)
	if got := e.Err.Error(); !strings.Contains(got, want.words) {
		t.Errorf("refused because %q, want a reason with %q", got, want.words)
	}
}

// edits keeps the tables readable.
type edits = []wstest.Edit

// run dials a new server via the transport, which sends the response.
func (a *responseCase) run(t *testing.T, via transport) (*dialling, *wstest.Conn) {
	t.Helper()
	srv := via.serve(t)
	return a.runOn(t, srv, via.adapter(over(srv)))
}

// runOn dials srv, which sends the response.
func (a *responseCase) runOn(t *testing.T, srv *wstest.Server, adapter handshake.Adapter) (*dialling, *wstest.Conn) {
	t.Helper()
	opts := &dandelion.Options{Subprotocols: a.asked, Handshaker: &offering{handshake.Client{Adapter: adapter}, a.offers}}
	d := startDial(t, srv.URL()+"/", opts)
	c := srv.Accept(t.Context())
	c.ReadRequest()
	if a.write != nil {
		a.write(c)
	} else {
		c.Accept101(a.edits...)
	}
	return d, c
}

// wantRefused fails unless the dial fails, the client closes TCP, and it has written no
// WebSocket frame.
func wantRefused(t *testing.T, d *dialling, c *wstest.Conn) *handshake.Error {
	t.Helper()
	e := d.fails(t)
	c.ExpectEnd() // and nothing before
	return e
}

// rename changes the name of a header line, or its spelling.
func rename(name, to string) wstest.Edit {
	return func(r *wstest.Response) {
		for i, line := range r.Lines {
			if before, value, _ := strings.Cut(line, ":"); strings.EqualFold(before, name) {
				r.Lines[i] = to + ":" + value
			}
		}
	}
}

// accept replaces the Sec-WebSocket-Accept line by lines that depend on the correct value.
func accept(lines func(right string) []string) wstest.Edit {
	return func(r *wstest.Response) {
		var right string
		r.Lines = slices.DeleteFunc(r.Lines, func(line string) bool {
			value, ok := strings.CutPrefix(line, "Sec-WebSocket-Accept: ")
			if ok {
				right = value
			}
			return ok
		})
		for _, line := range lines(right) {
			r.Lines = append(r.Lines, "Sec-WebSocket-Accept:"+line)
		}
	}
}

// acceptOne is accept for one line.
func acceptOne(value func(right string) string) wstest.Edit {
	return accept(func(right string) []string { return []string{" " + value(right)} })
}

// cutHead sends the correct response without its last n bytes.
func cutHead(c *wstest.Conn, n int) []byte {
	head := c.Response().Bytes()
	return head[:len(head)-n]
}

// These responses open the connection.
func TestResponseAccepted(t *testing.T) {
	order := func(order ...int) wstest.Edit {
		return func(r *wstest.Response) {
			lines := slices.Clone(r.Lines)
			for i, j := range order {
				r.Lines[i] = lines[j]
			}
		}
	}
	for _, a := range []responseCase{
		// req: 6455-4.1-32
		{name: "right"},
		// req: 6455-4.1-32
		{name: "order 0 2 1", edits: edits{order(0, 2, 1)}},
		// req: 6455-4.1-32
		{name: "order 1 0 2", edits: edits{order(1, 0, 2)}},
		// req: 6455-4.1-32
		{name: "order 1 2 0", edits: edits{order(1, 2, 0)}},
		// req: 6455-4.1-32
		{name: "order 2 0 1", edits: edits{order(2, 0, 1)}},
		// req: 6455-4.1-32
		{name: "order 2 1 0", edits: edits{order(2, 1, 0)}},

		// req: 6455-4.1-39
		{name: "blanks around the accept value", edits: edits{accept(func(right string) []string {
			return []string{"  \t" + right + " "}
		})}},

		// req: 6455-4.1-43
		{name: "uPGRADE: WebSocket", edits: edits{wstest.RemoveHeader("Upgrade"), wstest.AddLine("uPGRADE: WebSocket")}},
		// req: 6455-4.1-43
		{name: "uPGRADE: WEBSOCKET", edits: edits{wstest.RemoveHeader("Upgrade"), wstest.AddLine("uPGRADE: WEBSOCKET")}},
		// req: 6455-4.1-43
		{name: "CONNECTION: keep-alive, UPGRADE", edits: edits{wstest.RemoveHeader("Connection"), wstest.AddLine("CONNECTION: keep-alive, UPGRADE")}},
		// req: 6455-4.1-43
		{name: "two lines of Connection", edits: edits{wstest.SetHeader("Connection", "keep-alive"), wstest.AddHeader("Connection", "upgrade")}},
		// req: 6455-4.1-43
		{name: "sec-websocket-ACCEPT", edits: edits{rename("Sec-WebSocket-Accept", "sec-websocket-ACCEPT")}},

		// req: 7230-2.6-01
		{name: "HTTP 1.2", edits: edits{wstest.StatusLine("HTTP/1.2 101 Switching Protocols")}},

		// req: 7230-3.1.2-01
		{name: "another reason", edits: edits{wstest.StatusLine("HTTP/1.1 101 Whatever")}},
		// req: 7230-3.1.2-01
		{name: "empty reason", edits: edits{wstest.StatusLine("HTTP/1.1 101 ")}},
		// req: 7230-3.1.2-01
		{name: "bytes E4 in the reason", edits: edits{wstest.StatusLine("HTTP/1.1 101 \xE4nderung \xE4")}},

		// req: 7230-3.2.1-01
		{name: "unknown headers",
			edits: edits{wstest.AddHeader("X-Foo", "bar"), wstest.AddHeader("Server", "t"),
				wstest.AddHeader("Date", "Mon, 02 Jan 2006 15:04:05 GMT"), wstest.AddHeader("Sec-WebSocket-Foo", "1")},
			check: func(t *testing.T, e *messages.Opened) {
				for name, want := range map[string]string{
					"X-Foo": "bar", "Server": "t", "Date": "Mon, 02 Jan 2006 15:04:05 GMT", "Sec-WebSocket-Foo": "1",
				} {
					wantHeader(t, e, name, want)
				}
			}},

		// req: 7230-3.2.4-02
		{name: "folded Connection", edits: edits{wstest.SetHeader("Connection", "keep-alive,\r\n\tUpgrade")}},
		// req: 7230-3.2.4-02
		{name: "folded accept value", edits: edits{accept(func(right string) []string {
			return []string{"\r\n  " + right}
		})}},
		// req: 7230-3.2.4-02
		{name: "both folded", edits: edits{
			wstest.SetHeader("Connection", "keep-alive,\r\n\tUpgrade"),
			accept(func(right string) []string { return []string{"\r\n " + right} }),
		}},

		// req: 9110-5.6.1-01
		{name: "empty list elements",
			offers: []handshake.Extension{deflate()},
			edits:  edits{wstest.SetHeader("Connection", ", Upgrade ,, keep-alive"), wstest.Extensions(", permessage-deflate ,")},
			check: func(t *testing.T, e *messages.Opened) {
				wantExtensions(t, e, "permessage-deflate")
			}},

		// req: 9110-15.2-01
		{name: "interim responses",
			write: func(c *wstest.Conn) {
				interim := "HTTP/1.1 100 Continue\r\n\r\n" +
					"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\nUpgrade: h2c\r\n\r\n" +
					"HTTP/1.1 199 X\r\n\r\n"
				c.WriteRaw(append([]byte(interim), c.Response().Bytes()...))
			},
			check: func(t *testing.T, e *messages.Opened) {
				wantHeader(t, e, "Link")
				wantHeader(t, e, "Upgrade", "websocket")
			}},
		// req: 9110-15.2-01
		{name: "interim responses one by one", write: func(c *wstest.Conn) {
			c.WriteRaw([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
			c.WriteRaw([]byte("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\nX-A: b\r\n\r\n"))
			c.WriteRaw([]byte("HTTP/1.1 199 X\r\n\r\n"))
			c.Accept101()
		}},

		// req: 6455-4.1-45
		{name: "no extension",
			offers: []handshake.Extension{deflate()},
			check:  func(t *testing.T, e *messages.Opened) { wantExtensions(t, e) }},
		// req: 6455-4.1-45
		{name: "extension with a parameter",
			offers: []handshake.Extension{deflate()},
			edits:  edits{wstest.Extensions("permessage-deflate; server_no_context_takeover")},
			check: func(t *testing.T, e *messages.Opened) {
				wantExtensions(t, e, "permessage-deflate; server_no_context_takeover")
			}},

		// req: 6455-4.1-46
		{name: "subprotocol",
			asked: []string{"chat", "superchat"},
			edits: edits{wstest.Subprotocol("superchat")},
			check: func(t *testing.T, e *messages.Opened) {
				if e.Subprotocol != "superchat" {
					t.Errorf("subprotocol is %q, want superchat", e.Subprotocol)
				}
			}},
		// req: 6455-4.1-46
		{name: "no subprotocol",
			asked: []string{"chat", "superchat"},
			check: func(t *testing.T, e *messages.Opened) {
				if e.Subprotocol != "" {
					t.Errorf("subprotocol is %q, want none", e.Subprotocol)
				}
			}},

		// req: 6455-4.1-47
		{name: "cookies",
			edits: edits{wstest.AddHeader("Set-Cookie", "a=1; Path=/"), wstest.AddHeader("Set-Cookie", "b=2, x")},
			check: func(t *testing.T, e *messages.Opened) {
				wantHeader(t, e, "Set-Cookie", "a=1; Path=/", "b=2, x")
			}},

		// req: 6455-4.3-01
		{name: "quoted parameter",
			offers: []handshake.Extension{deflate("server_max_window_bits=12")},
			edits:  edits{wstest.Extensions(`permessage-deflate; server_max_window_bits="10"`)},
			check: func(t *testing.T, e *messages.Opened) {
				wantExtensions(t, e, "permessage-deflate; server_max_window_bits=10")
			}},
	} {
		t.Run(a.name, func(t *testing.T) {
			for _, transport := range transports {
				t.Run(transport.name, func(t *testing.T) {
					d, c := a.run(t, transport)
					client := d.open(t)
					if client.State() != messages.StateOpen {
						t.Errorf("state is %v, want OPEN", client.State())
					}
					if a.check != nil {
						a.check(t, client.Opened())
					}
					exchange(t, client, c)
				})
			}
		})
	}
}

func wantHeader(t *testing.T, e *messages.Opened, name string, want ...string) {
	t.Helper()
	if got := e.Header.Values(name); !slices.Equal(got, want) {
		t.Errorf("%s of the response is %q, want %q", name, got, want)
	}
}

func wantExtensions(t *testing.T, e *messages.Opened, want ...string) {
	t.Helper()
	if !slices.Equal(e.Extensions, want) {
		t.Errorf("extensions in use are %q, want %q", e.Extensions, want)
	}
}

// These responses open no connection.
func TestResponseRefused(t *testing.T) {
	var (
		chat          = []string{"chat"}
		chats         = []string{"chat", "superchat"}
		compression   = []handshake.Extension{deflate()}
		twelve        = []handshake.Extension{deflate("server_max_window_bits=12")}
		anotherAccept = wstest.AcceptKey(base64.StdEncoding.EncodeToString(make([]byte, 16)))
		random        = make([]byte, 200)
	)
	for i, source := 0, rand.New(rand.NewPCG(1, 2)); i < len(random); i++ {
		random[i] = byte(source.Uint32())
	}
	withExtensions := func(lines ...string) edits {
		var e edits
		for _, line := range lines {
			e = append(e, wstest.AddLine("Sec-WebSocket-Extensions:"+line))
		}
		return e
	}
	withProtocols := func(lines ...string) edits {
		var e edits
		for _, line := range lines {
			e = append(e, wstest.AddLine("Sec-WebSocket-Protocol:"+line))
		}
		return e
	}

	for _, a := range []responseCase{
		// req: 6455-2.1-02
		{name: "Kelvin sign in Upgrade", why: wrongUpgrade, edits: edits{wstest.SetHeader("Upgrade", "webso\x63\xE2\x84\xAA\x65\x74")}},

		// req: 6455-4.1-36
		{name: "no Upgrade", why: wrongUpgrade, edits: edits{wstest.RemoveHeader("Upgrade")}},
		// req: 6455-4.1-36
		{name: "Upgrade h2c", why: wrongUpgrade, edits: edits{wstest.SetHeader("Upgrade", "h2c")}},
		// req: 6455-4.1-36
		{name: "Upgrade websockets", why: wrongUpgrade, edits: edits{wstest.SetHeader("Upgrade", "websockets")}},
		// req: 6455-4.1-36
		{name: "Upgrade web socket", why: wrongUpgrade, edits: edits{wstest.SetHeader("Upgrade", "web socket")}},
		// req: 6455-4.1-36
		{name: "empty Upgrade", why: wrongUpgrade, edits: edits{wstest.SetHeader("Upgrade", "")}},
		// req: 6455-4.1-36
		{name: "Upgrade foo, websocket", why: wrongUpgrade, edits: edits{wstest.SetHeader("Upgrade", "foo, websocket")}},

		// req: 6455-4.1-37
		{name: "no Connection", why: wrongConnection, edits: edits{wstest.RemoveHeader("Connection")}},
		// req: 6455-4.1-37
		{name: "Connection keep-alive", why: wrongConnection, edits: edits{wstest.SetHeader("Connection", "keep-alive")}},
		// req: 6455-4.1-37
		{name: "Connection close", why: wrongConnection, edits: edits{wstest.SetHeader("Connection", "close")}},
		// req: 6455-4.1-37
		{name: "Connection upgraded", why: wrongConnection, edits: edits{wstest.SetHeader("Connection", "upgraded")}},
		// req: 6455-4.1-37
		{name: "Connection Upgrade-x", why: wrongConnection, edits: edits{wstest.SetHeader("Connection", "Upgrade-x")}},
		// req: 6455-4.1-37
		{name: "Connection keep-alive Upgrade", why: wrongConnection, edits: edits{wstest.SetHeader("Connection", "keep-alive Upgrade")}},

		// req: 6455-4.1-38
		{name: "no accept value", why: wrongAccept, edits: edits{wstest.RemoveHeader("Sec-WebSocket-Accept")}},
		// req: 6455-4.1-38
		{name: "empty accept value", why: wrongAccept, edits: edits{acceptOne(func(string) string { return "" })}},
		// req: 6455-4.1-38
		{name: "the key as accept value", why: wrongAccept, write: func(c *wstest.Conn) {
			c.Accept101(wstest.SetHeader("Sec-WebSocket-Accept", c.Request().Key()))
		}},
		// req: 6455-4.1-38
		{name: "accept value for another key", why: wrongAccept, edits: edits{acceptOne(func(string) string { return anotherAccept })}},
		// req: 6455-4.1-38
		{name: "accept value in other letter case", why: wrongAccept, edits: edits{acceptOne(otherCase)}},
		// req: 6455-4.1-38
		{name: "accept value without its =", why: wrongAccept, edits: edits{acceptOne(func(right string) string {
			return strings.TrimSuffix(right, "=")
		})}},
		// req: 6455-4.1-38
		{name: "accept value of the decoded key", why: wrongAccept, write: func(c *wstest.Conn) {
			c.Accept101(wstest.SetHeader("Sec-WebSocket-Accept", acceptOfDecoded(c.Request().Key())))
		}},

		// req: 6455-4.1-41
		{name: "extension and none was offered", why: notOffered, edits: withExtensions(" permessage-deflate")},
		// req: 6455-4.1-41
		{name: "another extension than the offered", why: notOffered, offers: compression, edits: withExtensions(" permessage-foo")},

		// req: 6455-4.1-42
		{name: "subprotocol and none was asked for", why: notAsked, edits: withProtocols(" chat")},
		// req: 6455-4.1-42
		{name: "another subprotocol", why: notAsked, asked: chat, edits: withProtocols(" other")},
		// req: 6455-4.1-42
		{name: "subprotocol in other letter case", why: notAsked, asked: chat, edits: withProtocols(" Chat")},

		// req: 6455-4.2.2-01
		{name: "SSH", why: notHTTP, write: func(c *wstest.Conn) { c.WriteRaw([]byte("SSH-2.0-x\r\n")) }},
		// req: 6455-4.2.2-01
		{name: "an empty line", why: notHTTP, write: func(c *wstest.Conn) { c.WriteRaw([]byte("\r\n")) }},
		// req: 6455-4.2.2-01
		{name: "a correct response after an empty line", why: notHTTP, write: func(c *wstest.Conn) {
			c.WriteRaw(append([]byte("\r\n"), c.Response().Bytes()...))
		}},
		// req: 6455-4.2.2-01
		{name: "a request", why: notHTTP, write: func(c *wstest.Conn) { c.WriteRaw([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")) }},
		// req: 6455-4.2.2-01
		{name: "random bytes", why: notHTTP, write: func(c *wstest.Conn) {
			c.WriteRaw(random)
			c.Try((*wstest.Conn).CloseWrite) // the client may have gone already
		}},
		// req: 6455-4.2.2-01
		{name: "no status", why: wrongStatusLine, edits: edits{wstest.StatusLine("HTTP/1.1")}},
		// req: 6455-4.2.2-01
		{name: "no status but a space", why: wrongStatusLine, edits: edits{wstest.StatusLine("HTTP/1.1 ")}},
		// req: 6455-4.2.2-01
		{name: "a line without colon", why: wrongHeaderLine, edits: edits{wstest.AddLine("X-Foo bar")}},
		// req: 6455-4.2.2-01
		{name: "cut off before the empty line", why: closedEarly, write: func(c *wstest.Conn) {
			c.WriteRaw(cutHead(c, len("\r\n")))
			c.CloseWrite()
		}},
		// req: 6455-4.2.2-01
		{name: "cut off inside a line", why: closedEarly, write: func(c *wstest.Conn) {
			c.WriteRaw(cutHead(c, len("\r\n\r\n")))
			c.CloseWrite()
		}},
		// req: 6455-4.2.2-01
		{name: "nothing", why: closedEarly, write: (*wstest.Conn).CloseWrite},

		// req: 6455-4.2.2-02
		{name: "two subprotocols", why: notAsked, asked: chats, edits: withProtocols(" chat, superchat")},
		// req: 6455-4.2.2-02
		{name: "two subprotocols without comma", why: notAsked, asked: chats, edits: withProtocols(" chat superchat")},

		// req: 6455-4.2.2-03
		{name: "empty subprotocol", why: notAsked, asked: chat, offers: compression, edits: withProtocols("")},
		// req: 6455-4.2.2-03
		{name: "blank subprotocol", why: notAsked, asked: chat, offers: compression, edits: withProtocols(" ")},
		// req: 6455-4.2.2-03
		{name: "empty extensions", why: wrongGrammar, asked: chat, offers: compression, edits: withExtensions("")},
		// req: 6455-4.2.2-03
		{name: "a comma as extensions", why: wrongGrammar, asked: chat, offers: compression, edits: withExtensions(" ,")},
		// req: 6455-4.2.2-03
		{name: "a comma as subprotocol", why: notAsked, asked: chat, offers: compression, edits: withProtocols(" ,")},

		// req: 6455-4.3-02
		{name: "empty quoted parameter", why: wrongGrammar, offers: twelve, edits: withExtensions(` permessage-deflate; server_max_window_bits=""`)},
		// req: 6455-4.3-02
		{name: "space in a quoted parameter", why: wrongGrammar, offers: twelve, edits: withExtensions(` permessage-deflate; server_max_window_bits="1 0"`)},
		// req: 6455-4.3-02
		{name: "comma in a quoted parameter", why: wrongGrammar, offers: twelve, edits: withExtensions(` permessage-deflate; server_max_window_bits="10,"`)},
		// req: 6455-4.3-02 6455-9.1-01
		{name: "no closing quote", why: wrongGrammar, offers: twelve, edits: withExtensions(` permessage-deflate; server_max_window_bits="10`)},

		// req: 6455-9.1-01
		{name: "a lone semicolon", why: wrongGrammar, offers: compression, edits: withExtensions(" ;")},
		// req: 6455-9.1-01
		{name: "nothing after a semicolon", why: wrongGrammar, offers: compression, edits: withExtensions(" permessage-deflate;")},
		// req: 6455-9.1-01
		{name: "parameter without a name", why: wrongGrammar, offers: compression, edits: withExtensions(" permessage-deflate; =1")},
		// req: 6455-9.1-01
		{name: "parameter without its value", why: wrongGrammar, offers: compression, edits: withExtensions(" permessage-deflate; a=")},
		// req: 6455-9.1-01
		{name: "no semicolon", why: wrongGrammar, offers: compression, edits: withExtensions(" permessage-deflate a")},
		// req: 6455-9.1-01
		{name: "not a token", why: wrongGrammar, offers: compression, edits: withExtensions(" per(message")},
		// req: 6455-9.1-01
		{name: "grammar broken after a good element", why: wrongGrammar, offers: compression, edits: withExtensions(" permessage-deflate, ;")},

		// req: 6455-9.1-02
		{name: "an extension not offered on a second line", why: notOffered, offers: compression, edits: withExtensions(" permessage-deflate", " permessage-foo")},
		// req: 6455-9.1-02
		{name: "the same extension on a second line", why: usedTwice, offers: compression, edits: withExtensions(" permessage-deflate", " permessage-deflate")},

		// req: 6455-9.1-07
		{name: "the same extension twice", why: usedTwice, offers: compression, edits: withExtensions(" permessage-deflate, permessage-deflate")},

		// req: 6455-8.1-06
		{name: "subprotocol with FF", why: notAsked, asked: chat, edits: withProtocols(" chat\xFF")},
		// req: 6455-8.1-06
		{name: "extension parameter with C3 BC", why: wrongGrammar, offers: compression, edits: withExtensions(" permessage-deflate; x=\xC3\xBC")},

		// req: 6455-11.3.3-01
		{name: "two right accept values", why: wrongAccept, edits: edits{accept(func(right string) []string { return []string{" " + right, " " + right} })}},
		// req: 6455-11.3.3-01
		{name: "right and wrong accept value", why: wrongAccept, edits: edits{accept(func(right string) []string { return []string{" " + right, " " + anotherAccept} })}},
		// req: 6455-11.3.3-01
		{name: "wrong and right accept value", why: wrongAccept, edits: edits{accept(func(right string) []string { return []string{" " + anotherAccept, " " + right} })}},

		// req: 6455-11.3.4-01
		{name: "two lines of subprotocols", why: severalProtocols, asked: chats, edits: withProtocols(" chat", " superchat")},
		// req: 6455-11.3.4-01
		{name: "the same subprotocol twice", why: severalProtocols, asked: chats, edits: withProtocols(" chat", " chat")},

		// req: 7230-2.6-02
		{name: "HTTP 1.0", why: wrongVersion, edits: edits{wstest.StatusLine("HTTP/1.0 101 Switching Protocols")}},
		// req: 7230-2.6-02
		{name: "HTTP 2.0", why: notHTTP, netHTTP: wrongVersion, edits: edits{wstest.StatusLine("HTTP/2.0 101 Switching Protocols")}},
		// req: 7230-2.6-02
		{name: "HTTP 0.9", why: notHTTP, netHTTP: wrongVersion, edits: edits{wstest.StatusLine("HTTP/0.9 101 Switching Protocols")}},
		// req: 7230-2.6-02
		{name: "http 1.1", why: notHTTP, edits: edits{wstest.StatusLine("http/1.1 101 Switching Protocols")}},
		// req: 7230-2.6-02
		{name: "HTP 1.1", why: notHTTP, edits: edits{wstest.StatusLine("HTP/1.1 101 Switching Protocols")}},

		// req: 7230-3-01
		{name: "a blank before the first header", why: wrongHeaderLine, edits: edits{
			wstest.StatusLine("HTTP/1.1 101 X\r\n Upgrade: websocket"), wstest.RemoveHeader("Upgrade"),
		}},

		// req: 7230-3.1.2-02
		{name: "status 1010", why: wrongStatusLine, edits: edits{wstest.StatusLine("HTTP/1.1 1010 X")}},
		// req: 7230-3.1.2-02
		{name: "status 10", why: wrongStatusLine, edits: edits{wstest.StatusLine("HTTP/1.1 10 X")}},
		// req: 7230-3.1.2-02
		{name: "status 1o1", why: wrongStatusLine, edits: edits{wstest.StatusLine("HTTP/1.1 1o1 X")}},
		// req: 7230-3.1.2-02
		{name: "status +101", why: wrongStatusLine, edits: edits{wstest.StatusLine("HTTP/1.1 +101 X")}},
		// req: 7230-3.1.2-02
		{name: "status 0101", why: wrongStatusLine, edits: edits{wstest.StatusLine("HTTP/1.1 0101 X")}},

		// req: 7230-3.2.4-01
		{name: "a blank before a colon", why: wrongHeaderLine, netHTTP: wrongName, edits: edits{rename("Upgrade", "Upgrade ")}},
		// req: 7230-3.2.4-01
		{name: "a blank before the colon of a line that nobody needs", why: wrongHeaderLine, netHTTP: wrongName, edits: edits{wstest.AddLine("X-Foo : bar")}},
		// req: 7230-3.2.4-01
		{name: "a tab before the colon of a line that nobody needs", why: wrongHeaderLine, edits: edits{wstest.AddLine("X-Foo\t: bar")}},

		// req: 9110-5.5-01
		{name: "NUL in a value", why: wrongHeaderLine, edits: edits{wstest.AddHeader("Set-Cookie", "a=1\x00b; Path=/")}},
		// req: 9110-5.5-01
		{name: "NUL at the end of a value", why: wrongHeaderLine, edits: edits{wstest.AddHeader("Set-Cookie", "a=1\x00")}},
		// req: 9110-5.5-01
		{name: "bare CR in a value", why: wrongHeaderLine, edits: edits{wstest.AddHeader("Set-Cookie", "a=1\rX-Injected: y")}},
		// req: 9110-5.5-01
		{name: "bare CR at the end of a value", why: wrongHeaderLine, edits: edits{wstest.AddHeader("Set-Cookie", "a=1\r")}},
	} {
		t.Run(a.name, func(t *testing.T) {
			for _, transport := range transports {
				t.Run(transport.name, func(t *testing.T) {
					d, c := a.run(t, transport)
					a.wantReason(t, transport, wantRefused(t, d, c))
				})
			}
		})
	}
}

// otherCase swaps small and capital ASCII letters.
func otherCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c|0x20 >= 'a' && c|0x20 <= 'z' {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

// acceptOfDecoded is a wrong accept value: that of the 16 decoded bytes instead of the key's text.
func acceptOfDecoded(key string) string {
	nonce, _ := base64.StdEncoding.DecodeString(key)
	sum := sha1.Sum(append(nonce, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// req: 6455-4.1-40
func TestResponseAcceptKey(t *testing.T) {
	const want = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
	if got := handshake.AcceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != want {
		t.Errorf("accept value is %s, want %s", got, want)
	}
}

// helloFrame is the text message Hello.
var helloFrame = wstest.Hex("81 05 48 65 6C 6C 6F")

// wantOneHello fails unless the client receives Hello once, and then the next message.
func wantOneHello(t *testing.T, client *dandelion.Client, c *wstest.Conn) {
	t.Helper()
	readText(t, client, "Hello")
	exchange(t, client, c)
}

// req: 6455-4.1-44
func TestResponseWithFrame(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			srv := transport.serve(t)
			opts := &dandelion.Options{Handshaker: &handshake.Client{Adapter: transport.adapter(over(srv))}}
			client, c := open(t, srv, opts, wstest.After(helloFrame))
			wantOneHello(t, client, c)
			for cut := 1; ; cut++ {
				d := startDial(t, srv.URL(), opts)
				c := srv.Accept(t.Context())
				c.ReadRequest()
				answer := c.Response(wstest.After(helloFrame)).Bytes()
				if cut == len(answer) {
					c.Drop()
					d.fails(t)
					break
				}
				c.WriteSplit(answer, cut)
				wantOneHello(t, d.open(t), c)
			}
		})
	}
	t.Run("every byte for itself", func(t *testing.T) {
		srv := wstest.NewPipe(t)
		d := startDial(t, srv.URL(), over(srv))
		c := srv.Accept(t.Context())
		c.ReadRequest()
		c.Trickle(c.Response(wstest.After(helloFrame)).Bytes(), 1, 0)
		wantOneHello(t, d.open(t), c)
	})
	t.Run("many frames", func(t *testing.T) {
		const n = 3000
		client, _ := open(t, wstest.NewServer(t), nil, wstest.After(bytes.Repeat(helloFrame, n)))
		for range n {
			readText(t, client, "Hello")
		}
	})
}

// req: 7230-3.3.3-01
func TestResponseHasNoBody(t *testing.T) {
	for _, line := range []string{"Content-Length: 7", "Transfer-Encoding: chunked"} {
		t.Run(line, func(t *testing.T) {
			client, c := openPipe(t, wstest.AddLine(line), wstest.After(helloFrame))
			wantOneHello(t, client, c)
		})
	}
}

// req: 6455-5.8-01 6455-9.1-05
func TestResponseWithoutTheOfferedExtension(t *testing.T) {
	srv := wstest.NewPipe(t)
	client, c := open(t, srv, offer(over(srv), deflate()))
	text := strings.Repeat("compress me ", 1024)[:10<<10]
	for range 3 {
		if err := client.Write(newContext(t), dandelion.Text(text)); err != nil {
			t.Fatal(err)
		}
		c.ExpectText(text) // a frame with all RSV bits clear
	}
	read := startRead(t, client)
	c.WriteRaw(wstest.Hex("C1 07 F2 48 CD C9 C9 07 00"))
	c.ExpectFailure(1002)
	protocolError(t, wantReadError(t, read), 1002)
}
