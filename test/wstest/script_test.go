package wstest_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

func TestRequestIsKeptAsItIs(t *testing.T) {
	srv := wstest.NewPipe(t)
	client := connect(t, srv)
	raw := request("//a/./b;x=1?y=/z", "sec-websocket-protocol: a,b", "Sec-WebSocket-Protocol:  c ",
		"Sec-WebSocket-Extensions: permessage-deflate; x=1, other", "X-Test: 1", "x-test: 2")
	client.write([]byte(raw + "behind"))
	c := srv.Accept(t.Context())
	req := c.ReadRequest()
	if string(req.Raw) != raw {
		t.Errorf("raw %q", req.Raw)
	}
	if req.Method != "GET" || req.Target != "//a/./b;x=1?y=/z" || req.Proto != "HTTP/1.1" {
		t.Errorf("request line %s %s %s", req.Method, req.Target, req.Proto)
	}
	if req.Lines[0] != (wstest.HeaderLine{Name: "Host", Value: "pipe.test"}) {
		t.Errorf("first header line %v", req.Lines[0])
	}
	if got := req.Subprotocols(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("subprotocols %q", got)
	}
	if got := req.Extensions(); !slices.Equal(got, []string{"permessage-deflate; x=1", "other"}) {
		t.Errorf("extensions %q", got)
	}
	if got := req.Values("X-TEST"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("X-Test %q", got)
	}
	if req.Value("Origin") != "" || req.HTTP.Host != "pipe.test" || c.Request() != req {
		t.Errorf("origin %q, host %q", req.Value("Origin"), req.HTTP.Host)
	}
	c.ExpectRaw([]byte("behind"))
}

func TestNotARequest(t *testing.T) {
	srv := wstest.NewPipe(t)
	for _, raw := range []string{"SSH-2.0-x\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"} {
		client := connect(t, srv)
		client.write([]byte(raw))
		c := srv.Accept(t.Context())
		wantError(t, c.Try(func(c *wstest.Conn) { c.ReadRequest() }), nil, "not an HTTP request", raw[:3])
	}
	client := connect(t, srv)
	c := srv.Accept(t.Context())
	wantError(t, c.Try(func(c *wstest.Conn) { c.Accept101() }), nil, "before ReadRequest")
	client.write([]byte("GET / HTT"))
	client.Close()
	wantError(t, c.Try(func(c *wstest.Conn) { c.ReadRequest() }), io.EOF, "the client has ended the stream: FIN", `"GET / HTT"`)
}

func TestResponseEdits(t *testing.T) {
	srv := wstest.NewPipe(t)
	client := connect(t, srv)
	client.write([]byte(request("/")))
	c := srv.Accept(t.Context())
	c.ReadRequest()
	for _, test := range []struct {
		name  string
		edits []wstest.Edit
		want  string
	}{
		{"right", nil,
			"HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Accept: " + sampleAccept + "||"},
		{"status", []wstest.Edit{wstest.StatusLine("HTTP/1.1 200 OK"), wstest.RemoveHeader("connection"), wstest.RemoveHeader("upgrade")},
			"HTTP/1.1 200 OK|Sec-WebSocket-Accept: " + sampleAccept + "||"},
		{"set", []wstest.Edit{wstest.SetHeader("UPGRADE", "WebSocket"), wstest.SetHeader("X", "1"), wstest.AddHeader("x", "2"), wstest.AddLine("raw")},
			"HTTP/1.1 101 Switching Protocols|UPGRADE: WebSocket|Connection: Upgrade|Sec-WebSocket-Accept: " + sampleAccept + "|X: 1|x: 2|raw||"},
		{"order", []wstest.Edit{wstest.Extensions("e"), func(r *wstest.Response) { slices.Reverse(r.Lines) }, wstest.After([]byte("f")), wstest.After([]byte("g"))},
			"HTTP/1.1 101 Switching Protocols|Sec-WebSocket-Extensions: e|Sec-WebSocket-Accept: " + sampleAccept + "|Connection: Upgrade|Upgrade: websocket||fg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := strings.ReplaceAll(string(c.Response(test.edits...).Bytes()), "\r\n", "|")
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	c.Respond(403, "no entry", "X-Why: because")
	resp, err := http.ReadResponse(client.in, nil)
	check(t, err)
	body, err := io.ReadAll(resp.Body)
	check(t, err)
	if resp.StatusCode != 403 || string(body) != "no entry" || resp.Header.Get("X-Why") != "because" {
		t.Errorf("answer %v, body %q", resp, body)
	}
}

func TestSplits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewPipe(t)
		client, c := open(t, srv)
		pieces := func(want ...string) {
			t.Helper()
			buf := make([]byte, 100)
			for _, w := range want {
				n, err := client.Read(buf)
				check(t, err)
				if string(buf[:n]) != w {
					t.Errorf("piece %q, want %q", buf[:n], w)
				}
			}
		}
		c.WriteSplit([]byte("abcdef"), 1, 3)
		pieces("a", "bcd", "ef")
		c.WriteSplit([]byte("abc"), 2, 5)
		pieces("ab", "c")
		start := time.Now()
		c.Trickle([]byte("abcde"), 2, time.Minute)
		pieces("ab", "cd", "e")
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("trickle took %v", took)
		}
		c.Trickle([]byte("ab"), 0, 0)
		pieces("a", "b")
		c.WriteFrame(wire.Header{Fin: true, RSV: 0x40, Opcode: wire.OpText, Masked: true, Key: maskKey}, []byte("Hello"))
		pieces(string(wstest.Hex("C1 85 37FA213D 7F9F4D5158")))
		c.WriteFrame(wire.Header{Opcode: 3, Length: 1 << 62}, []byte("x"))
		pieces(string(wstest.Hex("03 7F 4000000000000000 78")))
		c.SendClose(wire.StatusNoStatus, "")
		pieces(string(wstest.Hex("88 00")))
		c.SendFragments(wire.OpText, []byte("one"))
		pieces("\x81\x03one")
	})
}

func TestRawViews(t *testing.T) {
	srv := wstest.NewPipe(t)
	client, c := open(t, srv)
	client.write(wstest.Hex("81 85 37FA213D 7F9F4D5158"))
	if got := c.Peek(2); !bytes.Equal(got, wstest.Hex("81 85")) {
		t.Errorf("peek % X", got)
	}
	if got := c.ReadN(2); !bytes.Equal(got, wstest.Hex("81 85")) {
		t.Errorf("read % X", got)
	}
	wantError(t, c.Try(func(c *wstest.Conn) { c.ExpectRaw(wstest.Hex("37FB")) }), nil, "got bytes 37 FA, want 37 FB")
	c.ExpectRaw(wstest.Hex("37FA213D 7F9F4D5158"))
	if got := c.Raw(); !bytes.HasSuffix(got, wstest.Hex("0D0A0D0A 81 85 37FA213D 7F9F4D5158")) {
		t.Errorf("raw %q", got)
	}
	for _, part := range []string{"← GET /, a head of", `→ 129 bytes "HTTP/1.1 101`, "← 9 bytes 37 FA"} {
		if !strings.Contains(c.Transcript(), part) {
			t.Errorf("transcript lacks %q:\n%s", part, c.Transcript())
		}
	}
	for range 100 {
		c.SendText("x")
	}
	if got := c.Transcript(); !strings.HasPrefix(got, "    (6") || strings.Count(got, "\n") != 40 {
		t.Errorf("transcript:\n%s", got)
	}
}

func TestExpectations(t *testing.T) {
	text := func(c *wstest.Conn) { c.ExpectText("a") }
	closing := func(c *wstest.Conn) { c.ExpectClose(1000, wire.StatusNoStatus) }
	anyClose := func(c *wstest.Conn) { c.ExpectClose() }
	message := func(c *wstest.Conn) { c.ExpectMessage(wire.OpText, []byte("ab")) }
	for _, test := range []struct {
		name string
		hex  string // key 0, so that the payload can be read here
		want func(*wstest.Conn)
		err  string // "" if it is as expected
	}{
		{"text", "81 81 00000000 61", text, ""},
		{"other text", "81 81 00000000 62", text, `expected Text "a", got Text "b"`},
		{"binary", "82 81 00000000 61", text, `expected Text "a", got Binary [61]`},
		{"no FIN", "01 81 00000000 61", text, `got Text (no FIN) "a"`},
		{"not masked", "81 01 61", text, `that a client must not send: Text (not masked) "a"`},
		{"RSV1", "C1 81 00000000 61", text, `must not send: Text (RSV bits 40) "a"`},
		{"reserved opcode", "83 80 00000000", text, `must not send: opcode 3 []`},
		{"fragmented ping", "09 80 00000000", text, `control frame that is fragmented or too long: Ping (no FIN) []`},
		{"bad length", "81 FE 0001 00000000 61", text, "no frame"},
		{"huge", "81 FF 0000000100000000 00000000 61", text, "more than a script can hold"},
		{"close", "88 82 00000000 03E8", closing, ""},
		{"empty close", "88 80 00000000", closing, ""},
		{"other close", "88 85 00000000 03EA 627965", closing, `expected Close 1000 or 1005, got Close 1002 "bye"`},
		{"any close", "88 82 00000000 0FA0", anyClose, ""},
		{"close 1006", "88 82 00000000 03EE", anyClose, "must not be on the wire: Close 1006"},
		{"close of one byte", "88 81 00000000 03", anyClose, "must not be on the wire"},
		{"close not UTF-8", "88 83 00000000 03E8 FF", anyClose, "reason is not UTF-8"},
		{"ping instead of close", "89 81 00000000 61", anyClose, "expected Close any code, got Ping [61]"},
		{"message", "01 81 00000000 61, 00 80 00000000, 80 81 00000000 62", message, ""},
		{"other message", "01 81 00000000 61, 80 81 00000000 63", message, "expected the message Text [61 62], got Text [61 63]"},
		{"ping in a message", "01 81 00000000 61, 89 80 00000000", message, "expected a continuation of a Text message, got Ping"},
		{"message begins with a continuation", "80 81 00000000 61", message, "expected the first frame of a message"},
		{"message not UTF-8", "81 81 00000000 FF", message, "is not UTF-8: FF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := wstest.NewPipe(t)
			client, c := open(t, srv)
			client.write(wstest.Hex(test.hex))
			err := c.Try(test.want)
			if test.err == "" {
				check(t, err)
			} else {
				wantError(t, err, nil, test.err)
			}
		})
	}
}

func TestSkipTo(t *testing.T) {
	srv := wstest.NewPipe(t)
	client, c := open(t, srv)
	client.frame(true, wire.OpText, "a")
	client.frame(true, wire.OpPing, "b")
	client.frame(true, wire.OpClose, "\x03\xE8")
	f, skipped := c.SkipTo(wire.OpClose)
	if f.CloseCode() != 1000 || len(skipped) != 2 || string(skipped[1].Payload) != "b" {
		t.Errorf("got %v after %v", f, skipped)
	}
}

// Reading and writing at the same time, in two goroutines, with more than the
// buffers hold.
func TestFullDuplex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewPipe(t, wstest.WithBuffer(100))
		client, c := open(t, srv)
		big := bytes.Repeat([]byte("x"), 10_000)
		writer := c.Go(func(c *wstest.Conn) { c.SendBinary(big) })
		go client.frame(true, wire.OpBinary, string(big))
		c.ExpectBinary(big)
		if _, got := client.message(); !bytes.Equal(got, big) {
			t.Error("the client got something else")
		}
		writer.Wait()
	})
}

// Two scripts that write take turns, and waiting for the turn lets the fake
// clock go on.
func TestWritersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := wstest.NewPipe(t)
		client, c := open(t, srv)
		slow := c.Go(func(c *wstest.Conn) { c.Trickle([]byte("slow"), 1, time.Hour) })
		synctest.Wait()
		c.WriteRaw([]byte("fast"))
		client.expect([]byte("slowfast"))
		slow.Wait()
	})
}

func TestHex(t *testing.T) {
	if got := wstest.Hex(" 81 05,\n48656c6C 6F"); string(got) != "\x81\x05Hello" {
		t.Errorf("got % X", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for an odd number of digits")
		}
	}()
	wstest.Hex("8")
}
