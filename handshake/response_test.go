package handshake

// This file tests which responses are accepted, which are refused, and how much
// of them is read.

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// deflate is the offer that the tests of responses make.
var deflate = []Extension{{"permessage-deflate", []Param{{"server_max_window_bits", "12"}}}}

// withLines returns a correct response with further lines; fill replaces {accept}.
func withLines(lines ...string) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n" +
		strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// with returns a correct response in which one line is replaced by others.
func with(name string, lines ...string) string {
	response := "HTTP/1.1 101 Switching Protocols\r\n"
	for _, l := range []string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: {accept}"} {
		if !strings.HasPrefix(l, name+":") {
			response += l + "\r\n"
		}
	}
	for _, l := range lines {
		response += l + "\r\n"
	}
	return response + "\r\n"
}

// statusLine returns a correct response with another first line.
func statusLine(line string) string {
	return strings.Replace(with(""), "HTTP/1.1 101 Switching Protocols", line, 1)
}

func TestAcceptedResponses(t *testing.T) {
	for _, c := range []struct {
		name, response string
	}{
		// req: 6455-4.1-32
		{"plain", with("")},
		{"another order", "HTTP/1.1 101 X\r\nSec-WebSocket-Accept: {accept}\r\nConnection: Upgrade\r\nDate: x\r\nUpgrade: websocket\r\n\r\n"},
		// req: 6455-4.1-43 6455-2.1-02
		{"keyword in mixed case", with("Upgrade", "uPGRADE: WebSocket")},
		{"keyword in capitals", with("Upgrade", "UPGRADE: WEBSOCKET")},
		{"connection list", with("Connection", "CONNECTION: keep-alive, UPGRADE")},
		{"connection on two lines", with("Connection", "Connection: keep-alive", "Connection: upgrade")},
		{"accept name in capitals", with("Sec-WebSocket-Accept", "sec-websocket-ACCEPT: {accept}")},
		// req: 6455-4.1-39
		{"blanks around accept", with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept:  \t{accept} ")},
		{"no blank before accept", with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept:{accept}")},
		// req: 9110-5.6.1-01
		{"empty elements", with("Connection", "Connection: , Upgrade ,, keep-alive", "Sec-WebSocket-Extensions: , permessage-deflate ,")},
		// req: 7230-2.6-01
		{"HTTP/1.2", statusLine("HTTP/1.2 101 X")},
		// req: 7230-3.1.2-01
		{"another phrase", statusLine("HTTP/1.1 101 Whatever")},
		{"empty phrase", statusLine("HTTP/1.1 101 ")},
		{"no phrase", statusLine("HTTP/1.1 101")},
		{"byte E4 in the phrase", statusLine("HTTP/1.1 101 W\xe4chsel")},
		// req: 7230-3.2.1-01
		{"unknown fields", withLines("X-Foo: bar", "Server: t", "Date: Sat, 1 Jan 2000 00:00:00 GMT", "Sec-WebSocket-Foo: 1")},
		// req: 7230-3.2.4-02
		{"folded connection", with("Connection", "Connection: keep-alive,\r\n\tUpgrade")},
		{"folded accept", with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept:\r\n   {accept}")},
		{"bare line feeds", strings.ReplaceAll(with(""), "\r\n", "\n")},
		// req: 9110-15.2-01
		{"interim responses", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\nUpgrade: h2c\r\n\r\nHTTP/1.1 199 X\r\n\r\n" + with("")},
		// req: 7230-3.3.3-01
		{"length of a body", withLines("Content-Length: 7")},
		{"contradicting lengths", withLines("Content-Length: 7", "Content-Length: 8")},
		{"chunked", withLines("Transfer-Encoding: chunked")},
		{"unknown coding", withLines("Transfer-Encoding: x")},
		{"extension", withLines("Sec-WebSocket-Extensions: permessage-deflate")},
		{"extension with a blank around everything", withLines("Sec-WebSocket-Extensions: \tpermessage-deflate ; a = b ;c ")},
		{"subprotocol", withLines("Sec-WebSocket-Protocol: chat")},
		{"long", withLines(strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 60) + "X: y")},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkLeaks(t)
			s := serve(t, func(conn net.Conn) {
				r := readRequest(conn)
				io.WriteString(conn, fill(c.response, r)+hello)
				io.CopyN(io.Discard, conn, 11)
				io.WriteString(conn, hello)
			})
			r := open(t, direct(), &Request{URL: "ws://" + s.host() + "/", Subprotocols: []string{"chat"}, Extensions: deflate})
			got := bytes.Clone(r.Buffered)
			if _, err := io.WriteString(r.Stream, "\x81\x85\x00\x00\x00\x00Hello"); err != nil {
				t.Error(err)
			}
			rest, _ := io.ReadAll(r.Stream)
			if got = append(got, rest...); string(got) != hello+hello {
				t.Errorf("got %q after the response, want two frames", got)
			}
			if r.Status != 101 || r.Header.Get("Link") != "" {
				t.Errorf("status %d, header %v", r.Status, r.Header)
			}
		})
	}
}

func TestRefusedResponses(t *testing.T) {
	const (
		notHTTP       = "the response is not HTTP/1"
		badStatusLine = "malformed status line"
		badHeaderLine = "malformed header line"

		noUpgrade        = "HTTP/1.0, which has no upgrade"
		badUpgrade       = "the Upgrade field"
		badConnection    = "the Connection field"
		badAccept        = "the Sec-WebSocket-Accept field"
		badGrammar       = "the grammar of RFC 6455 §9.1"
		notOffered       = "was not offered"
		extensionTwice   = "twice"
		notAskedFor      = "was not asked for"
		subprotocolTwice = "several Sec-WebSocket-Protocol fields"
	)
	extensions := func(lines ...string) string { // each a value
		for i := range lines {
			lines[i] = "Sec-WebSocket-Extensions: " + lines[i]
		}
		return withLines(lines...)
	}
	for _, c := range []struct {
		name     string
		why      string // what the error says
		req      Request
		response string
	}{
		// req: 6455-4.1-36
		{"no upgrade", badUpgrade, Request{}, with("Upgrade")},
		{"upgrade to h2c", badUpgrade, Request{}, with("Upgrade", "Upgrade: h2c")},
		{"upgrade to websockets", badUpgrade, Request{}, with("Upgrade", "Upgrade: websockets")},
		{"upgrade to web socket", badUpgrade, Request{}, with("Upgrade", "Upgrade: web socket")},
		{"upgrade to nothing", badUpgrade, Request{}, with("Upgrade", "Upgrade:")},
		{"upgrade to a list", badUpgrade, Request{}, with("Upgrade", "Upgrade: foo, websocket")},
		{"upgrade twice", badUpgrade, Request{}, with("Upgrade", "Upgrade: websocket", "Upgrade: websocket")},
		// req: 6455-2.1-02
		{"upgrade with a Kelvin sign", badUpgrade, Request{}, with("Upgrade", "Upgrade: websoc\xe2\x84\xaaet")},
		{"connection with a long s", badConnection, Request{}, with("Connection", "Connection: upgrade\u017f")},
		// req: 6455-4.1-37
		{"no connection", badConnection, Request{}, with("Connection")},
		{"connection keep-alive", badConnection, Request{}, with("Connection", "Connection: keep-alive")},
		{"connection close", badConnection, Request{}, with("Connection", "Connection: close")},
		{"connection upgraded", badConnection, Request{}, with("Connection", "Connection: upgraded")},
		{"connection Upgrade-x", badConnection, Request{}, with("Connection", "Connection: Upgrade-x")},
		{"connection without a comma", badConnection, Request{}, with("Connection", "Connection: keep-alive Upgrade")},
		// req: 6455-4.1-38
		{"no accept", badAccept, Request{}, with("Sec-WebSocket-Accept")},
		{"empty accept", badAccept, Request{}, with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept:")},
		{"accept is the key", badAccept, Request{}, with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: {key}")},
		{"accept for another key", badAccept, Request{}, with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
		{"accept in other letter case", badAccept, Request{}, with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: {swapped}")},
		{"accept without its end", badAccept, Request{}, with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: {short}")},
		{"accept of the decoded key", badAccept, Request{}, with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: {decoded}")},
		// req: 6455-11.3.3-01
		{"accept twice", badAccept, Request{}, withLines("Sec-WebSocket-Accept: {accept}")},
		{"right and wrong accept", badAccept, Request{}, withLines("Sec-WebSocket-Accept: x")},
		{"wrong and right accept", badAccept, Request{}, with("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: x", "Sec-WebSocket-Accept: {accept}")},
		// req: 6455-4.1-41
		{"extension without an offer", notOffered, Request{}, extensions("permessage-deflate")},
		{"extension that was not offered", notOffered, Request{Extensions: deflate}, extensions("permessage-foo")},
		{"extension in other letter case", notOffered, Request{Extensions: deflate}, extensions("Permessage-Deflate")},
		{"second extension that was not offered", notOffered, Request{Extensions: deflate}, extensions("permessage-deflate, permessage-foo")},
		// req: 6455-9.1-02
		{"second extension on a second line", notOffered, Request{Extensions: deflate}, extensions("permessage-deflate", "permessage-foo")},
		{"extension twice on two lines", extensionTwice, Request{Extensions: deflate}, extensions("permessage-deflate", "permessage-deflate")},
		// req: 6455-9.1-07
		{"extension twice", extensionTwice, Request{Extensions: deflate}, extensions("permessage-deflate, permessage-deflate")},
		// req: 6455-4.2.2-03
		{"empty extensions", badGrammar, Request{Extensions: deflate}, extensions("")},
		{"comma as extensions", badGrammar, Request{Extensions: deflate}, extensions(",")},
		{"empty subprotocol", notAskedFor, Request{Subprotocols: []string{"chat"}}, withLines("Sec-WebSocket-Protocol:")},
		{"empty subprotocol, none asked for", notAskedFor, Request{}, withLines("Sec-WebSocket-Protocol:")},
		// req: 6455-9.1-01
		{"semicolon as extension", badGrammar, Request{Extensions: deflate}, extensions(";")},
		{"nothing after the semicolon", badGrammar, Request{Extensions: deflate}, extensions("permessage-deflate;")},
		{"parameter without a name", badGrammar, Request{Extensions: deflate}, extensions("permessage-deflate; =1")},
		{"parameter without its value", badGrammar, Request{Extensions: deflate}, extensions("permessage-deflate; a=")},
		{"no semicolon", badGrammar, Request{Extensions: deflate}, extensions("permessage-deflate a")},
		{"name is no token", badGrammar, Request{Extensions: deflate}, extensions("per(message")},
		{"quote not closed", badGrammar, Request{Extensions: deflate}, extensions(`permessage-deflate; server_max_window_bits="10`)},
		{"quote closed on the next line", badGrammar, Request{Extensions: deflate}, extensions(`permessage-deflate; a="1`, `0"`)},
		// req: 6455-4.3-02
		{"empty quotes", badGrammar, Request{Extensions: deflate}, extensions(`permessage-deflate; server_max_window_bits=""`)},
		{"blank in quotes", badGrammar, Request{Extensions: deflate}, extensions(`permessage-deflate; server_max_window_bits="1 0"`)},
		{"comma in quotes", badGrammar, Request{Extensions: deflate}, extensions(`permessage-deflate; server_max_window_bits="10,"`)},
		{"quoted quote", badGrammar, Request{Extensions: deflate}, extensions(`permessage-deflate; a="1\"0"`)},
		{"backslash at the end", badGrammar, Request{Extensions: deflate}, extensions(`permessage-deflate; a="1\`)},
		// req: 6455-4.1-42
		{"subprotocol, none asked for", notAskedFor, Request{}, withLines("Sec-WebSocket-Protocol: chat")},
		{"another subprotocol", notAskedFor, Request{Subprotocols: []string{"chat"}}, withLines("Sec-WebSocket-Protocol: other")},
		{"subprotocol in other letter case", notAskedFor, Request{Subprotocols: []string{"chat"}}, withLines("Sec-WebSocket-Protocol: Chat")},
		// req: 6455-4.2.2-02
		{"list of subprotocols", notAskedFor, Request{Subprotocols: []string{"chat", "superchat"}}, withLines("Sec-WebSocket-Protocol: chat, superchat")},
		{"two subprotocols without a comma", notAskedFor, Request{Subprotocols: []string{"chat", "superchat"}}, withLines("Sec-WebSocket-Protocol: chat superchat")},
		// req: 6455-11.3.4-01
		{"two lines of subprotocols", subprotocolTwice, Request{Subprotocols: []string{"chat", "superchat"}}, withLines("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat")},
		{"subprotocol twice", subprotocolTwice, Request{Subprotocols: []string{"chat", "superchat"}}, withLines("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat")},
		// req: 7230-2.6-02
		{"HTTP/1.0", noUpgrade, Request{}, statusLine("HTTP/1.0 101 X")},
		{"HTTP/2.0", notHTTP, Request{}, statusLine("HTTP/2.0 101 X")},
		{"HTTP/0.9", notHTTP, Request{}, statusLine("HTTP/0.9 101 X")},
		{"http/1.1", notHTTP, Request{}, statusLine("http/1.1 101 X")},
		{"HTP/1.1", notHTTP, Request{}, statusLine("HTP/1.1 101 X")},
		{"HTTP/1.10", badStatusLine, Request{}, statusLine("HTTP/1.10 101 X")},
		{"HTTP/1.", badStatusLine, Request{}, statusLine("HTTP/1. 101 X")},
		// req: 7230-3-01
		{"blank before the first field", badHeaderLine, Request{}, "HTTP/1.1 101 X\r\n Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"},
		// req: 7230-3.1.2-02
		{"four digits", badStatusLine, Request{}, statusLine("HTTP/1.1 1010 X")},
		{"two digits", badStatusLine, Request{}, statusLine("HTTP/1.1 10 X")},
		{"a letter for a digit", badStatusLine, Request{}, statusLine("HTTP/1.1 1o1 X")},
		{"a sign", badStatusLine, Request{}, statusLine("HTTP/1.1 +101 X")},
		{"a zero before", badStatusLine, Request{}, statusLine("HTTP/1.1 0101 X")},
		{"two blanks", badStatusLine, Request{}, statusLine("HTTP/1.1  101 X")},
		// req: 7230-3.2.4-01
		{"blank before the colon", badHeaderLine, Request{}, with("Upgrade", "Upgrade : websocket")},
		{"tab before the colon", badHeaderLine, Request{}, with("Upgrade", "Upgrade\t: websocket")},
		// req: 9110-5.5-01
		{"NUL in a value", badHeaderLine, Request{}, withLines("Set-Cookie: s3cret=1\x00x")},
		{"CR in a value", badHeaderLine, Request{}, withLines("Set-Cookie: s3cret=1\rx")},
		{"escape character in a value", badHeaderLine, Request{}, withLines("Set-Cookie: s3cret=1\x1b[m")},
		// req: 6455-4.2.2-01
		{"SSH", notHTTP, Request{}, "SSH-2.0-x\r\n"},
		{"empty line", notHTTP, Request{}, "\r\n"},
		{"a request", notHTTP, Request{}, "GET / HTTP/1.1\r\n"},
		{"no status", badStatusLine, Request{}, "HTTP/1.1\r\n\r\n"},
		{"line without a colon", badHeaderLine, Request{}, withLines("s3cret")},
		{"line without a name", badHeaderLine, Request{}, withLines(": s3cret")},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := talkWith(t, c.req, func(conn net.Conn, r testRequest) {
				key := r.one("Sec-WebSocket-Key")
				accept := AcceptKey(key)
				decoded := AcceptKey(string(must(decode(key))))
				response := strings.NewReplacer("{accept}", accept, "{key}", key, "{short}", strings.TrimSuffix(accept, "="),
					"{decoded}", decoded, "{swapped}", swapCase(accept)).Replace(c.response)
				io.WriteString(conn, response)
			})
			stage := StageValidate
			if c.why == notHTTP || c.why == badStatusLine || c.why == badHeaderLine {
				stage = StageHTTP
			}
			e := wantError(t, o.err, stage, "s3cret")
			if !strings.Contains(e.Error(), c.why) {
				t.Errorf("error is %v, want %q in it", e, c.why)
			}
			if len(o.more) > 0 {
				t.Errorf("the client wrote %q after its request", o.more)
			}
			if stage == StageValidate && (e.Status != 101 || e.Header == nil) {
				t.Errorf("status %d, header %v, want those of the response", e.Status, e.Header)
			}
		})
	}
}

// req: 6455-4.2.2-01 6455-4.1-12
func TestTruncatedResponses(t *testing.T) {
	garbage := make([]byte, 200)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range garbage {
		garbage[i] = byte(source.Uint32())
	}
	for _, c := range []struct{ name, response string }{
		{"nothing", ""},
		{"within the version", "HTT"},
		{"before the empty line", strings.TrimSuffix(with(""), "\r\n")},
		{"garbage", string(garbage)},
		{"after an interim response", "HTTP/1.1 100 Continue\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := talkWith(t, Request{}, func(conn net.Conn, r testRequest) {
				io.WriteString(conn, fill(c.response, r))
				conn.Close()
			})
			wantError(t, o.err, StageHTTP)
			if c.name != "garbage" && !errors.Is(o.err, io.ErrUnexpectedEOF) {
				t.Errorf("error is %v, want io.ErrUnexpectedEOF in it", o.err)
			}
		})
	}
}

// A server that closes at once, with the request unread or half read.
//
// req: 6455-4.1-12
func TestServerClosesAtOnce(t *testing.T) {
	checkLeaks(t)
	s := serve(t, func(net.Conn) {})
	wantError(t, handshakeError(t, direct(), &Request{URL: "ws://" + s.host()}), StageHTTP)
	o := talkWith(t, Request{}, func(c net.Conn, r testRequest) { c.Close() })
	wantError(t, o.err, StageHTTP)
	client, wait := pipe(func(c net.Conn) { c.Close() })
	e := wantError(t, handshakeError(t, client, &Request{URL: "ws://h.test"}), StageHTTP)
	wait()
	if !errors.Is(e, io.ErrClosedPipe) {
		t.Errorf("error is %v, want io.ErrClosedPipe in it", e)
	}
	if s.accepted() != 1 {
		t.Errorf("%d connections, want 1", s.accepted())
	}
}

// However the response and the first frame are cut into segments, no byte is lost
// or delivered twice.
//
// req: 6455-4.1-44 7230-3.3.3-01
func TestBytesAfterTheResponse(t *testing.T) {
	for _, lines := range [][]string{{"X: y"}, {"Content-Length: 7"}, {"Transfer-Encoding: chunked"}} {
		all := withLines(lines...) + hello
		for cut := 1; cut <= len(all); cut++ {
			client, wait := pipe(func(c net.Conn) {
				response := fill(withLines(lines...), readRequest(c)) + hello
				cut := min(cut, len(response))
				io.WriteString(c, response[:cut])
				io.WriteString(c, response[cut:])
			})
			r := open(t, client, &Request{URL: "ws://h.test/"})
			rest, _ := io.ReadAll(r.Stream)
			if got := string(r.Buffered) + string(rest); got != hello {
				t.Fatalf("%q cut at %d: got %q after the response, want %q", lines, cut, got, hello)
			}
			wait()
		}
	}
}

// req: 6455-4.1-45 6455-4.1-46 6455-4.1-47 6455-4.3-01 7230-3.2.1-01 6455-9.1-06
func TestAgreed(t *testing.T) {
	for _, c := range []struct {
		name, response, subprotocol string
		extensions                  []string
	}{
		{"nothing", withLines("X-Foo: bar"), "", nil},
		{"subprotocol", withLines("X-Foo: bar", "Sec-WebSocket-Protocol: superchat"), "superchat", nil},
		{"extension", withLines("X-Foo: bar", "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"), "", []string{"permessage-deflate; server_no_context_takeover"}},
		{"quoted parameter", withLines("X-Foo: bar", `Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits="1\0"`), "", []string{"permessage-deflate; server_max_window_bits=10"}},
		{"two extensions", withLines("X-Foo: bar", "Sec-WebSocket-Extensions: b;x=1;y,permessage-deflate"), "", []string{"b; x=1; y", "permessage-deflate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			response := strings.TrimSuffix(c.response, "\r\n") + "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2, x\r\n\r\n"
			o := talk(t, Request{Subprotocols: []string{"chat", "superchat"}, Extensions: append([]Extension{{Name: "b"}}, deflate...)}, response)
			if o.err != nil {
				t.Fatal(o.err)
			}
			var extensions []string
			for _, e := range o.result.Extensions {
				extensions = append(extensions, e.String())
			}
			if o.result.Subprotocol != c.subprotocol || !slices.Equal(extensions, c.extensions) {
				t.Errorf("agreed on %q and %q, want %q and %q", o.result.Subprotocol, extensions, c.subprotocol, c.extensions)
			}
			if got := o.result.Header["Set-Cookie"]; !slices.Equal(got, []string{"a=1; Path=/", "b=2, x"}) || o.result.Header.Get("X-Foo") != "bar" {
				t.Errorf("header is %q", o.result.Header)
			}
		})
	}
}

// Statuses other than 101 are refusals, whatever else the response says.
//
// req: 6455-4.1-33 6455-4.1-34 6455-4.1-35 9110-15-01 9110-15-02 6455-4.4-01
func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		status string
		class  int
		advice string
	}{
		{"200", 2, "ordinary HTTP"}, {"299", 2, ""}, {"301", 3, "redirects to ws://o.test/x"}, {"302", 3, ""}, {"303", 3, ""}, {"307", 3, ""}, {"308", 3, ""},
		{"399", 3, ""}, {"400", 4, "version 25, 8, 7"}, {"401", 4, ""}, {"403", 4, ""}, {"404", 4, ""}, {"426", 4, "version 25, 8, 7"}, {"471", 4, ""},
		{"500", 5, ""}, {"503", 5, ""}, {"599", 5, ""}, {"000", 5, ""}, {"099", 5, ""}, {"600", 5, ""}, {"999", 5, ""},
	} {
		t.Run(c.status, func(t *testing.T) {
			lines := []string{"Content-Length: 5", "WWW-Authenticate: Basic realm=x"}
			switch c.status[0] {
			case '3':
				if c.status != "399" {
					lines = append(lines, "Location: ws://u:s3cret@o.test/x?token=s3cret")
				}
			case '4':
				if c.advice != "" {
					lines = append(lines, "Sec-WebSocket-Version: 25", "Sec-WebSocket-Version: 8, 7", "Upgrade: h2c")
				}
			}
			response := strings.Replace(withLines(lines...), "101 Switching Protocols", c.status+" Whatever", 1) + "Hello"
			o := talk(t, Request{}, response)
			e := wantError(t, o.err, StageHTTP, "s3cret")
			if want := strings.TrimLeft(c.status, "0"); want != "" && e.Status != int(c.status[0]-'0')*100+int(c.status[1]-'0')*10+int(c.status[2]-'0') {
				t.Errorf("status is %d, want %s", e.Status, c.status)
			}
			if e.StatusClass() != c.class || !strings.Contains(e.Error(), c.status) {
				t.Errorf("class %d, want %d; %v", e.StatusClass(), c.class, e)
			}
			if string(e.Body) != "Hello" || e.Header.Get("WWW-Authenticate") != "Basic realm=x" {
				t.Errorf("body %q, header %v", e.Body, e.Header)
			}
			if c.advice != "" && c.status[0] == '4' && !slices.Equal(e.Versions(), []string{"25", "8", "7"}) {
				t.Errorf("versions %q", e.Versions())
			}
			if c.status != "301" && !strings.Contains(e.Error(), c.advice) || c.status == "301" && !strings.Contains(e.Error(), "redirects to") {
				t.Errorf("%v, want %q in it", e, c.advice)
			}
			if len(o.more) > 0 {
				t.Errorf("the client wrote %q after its request", o.more)
			}
		})
	}
}

// req: 7230-3.3.3-03 7230-3.3.3-04
func TestRefusalBody(t *testing.T) {
	for _, c := range []struct {
		name, head, body, want string
	}{
		{"length", "Content-Length: 5", "Hello and more", "Hello"},
		{"until the end", "X: y", "Hello", "Hello"},
		{"chunked", "Transfer-Encoding: chunked", "3\r\nHel\r\n2\r\nlo\r\n0\r\n\r\n", "Hello"},
		{"cut short", "Content-Length: 50", "Hello", "Hello"},
		{"bad chunk", "Transfer-Encoding: chunked", "5\r\nHello\r\nzz\r\n", "Hello"},
		{"long", "Content-Length: 10485760", strings.Repeat("x", 1<<20), strings.Repeat("x", 1024)},
		{"contradicting lengths", "Content-Length: 5\r\nContent-Length: 6", "Hello", ""},
		{"invalid length", "Content-Length: x", "Hello", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := talkWith(t, Request{}, func(conn net.Conn, r testRequest) {
				io.WriteString(conn, "HTTP/1.1 403 No\r\n"+c.head+"\r\n\r\n"+c.body)
				conn.Close()
			})
			e := wantError(t, o.err, StageHTTP)
			if e.Status != 403 || string(e.Body) != c.want {
				t.Errorf("status %d, body %q, want 403 and %q", e.Status, e.Body, c.want)
			}
		})
	}
}

// The wait for the body ends after a second, or with the caller's context.
//
// req: 7230-3.3.3-04
func TestEndlessRefusalBody(t *testing.T) {
	for _, c := range []struct {
		name     string
		deadline time.Duration
		want     time.Duration
	}{
		{"no deadline", time.Hour, bodyTimeout},
		{"deadline", 300 * time.Millisecond, 300 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, wait := pipe(func(c net.Conn) {
					readRequest(c)
					io.WriteString(c, "HTTP/1.1 403 No\r\n\r\n")
					for {
						if _, err := io.WriteString(c, "x"); err != nil {
							return
						}
						time.Sleep(90 * time.Millisecond)
					}
				})
				begin := time.Now()
				ctx, cancel := deadline(t, c.deadline)
				defer cancel()
				_, err := client.Handshake(ctx, &Request{URL: "ws://h.test/"})
				e := wantError(t, err, StageHTTP)
				if d := time.Since(begin); d != c.want {
					t.Errorf("failed after %v, want %v", d, c.want)
				}
				if e.Status != 403 || len(e.Body) < 3 || errors.Is(err, ctx.Err()) != (ctx.Err() != nil) {
					t.Errorf("status %d, body %q, %v", e.Status, e.Body, err)
				}
				wait()
			})
		})
	}
}

// endless repeats a text for ever, and counts the bytes read.
type endless struct {
	text string
	read int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		p[n] = e.text[(e.read+n)%len(e.text)]
		n++
	}
	e.read += n
	return n, nil
}

// Reading stops at the limit, however the response goes on.
//
// req: 7230-3.2.5-01 9110-15.2-02
func TestLongResponses(t *testing.T) {
	for _, c := range []struct{ name, begin, text string }{
		{"one long line", "HTTP/1.1 101 X\r\nX: ", "x"},
		{"many lines", "HTTP/1.1 101 X\r\n", "X: y\r\n"},
		{"many folds", "HTTP/1.1 101 X\r\nX: y\r\n", " y\r\n"},
		{"long phrase", "HTTP/1.1 101 ", "x"},
		{"interim responses", "", "HTTP/1.1 102 Processing\r\n\r\n"},
	} {
		for _, limit := range []int{0, 1000} {
			source := &endless{text: c.text}
			a := &NetAdapter{MaxResponseHead: limit}
			_, err := readResponse(bufio.NewReader(io.MultiReader(strings.NewReader(c.begin), source)), a.maxResponseHead())
			if err == nil || !strings.Contains(err.Error(), "MaxResponseHead") {
				t.Errorf("%s: error is %v", c.name, err)
			}
			if most := a.maxResponseHead() + 4096; source.read > most {
				t.Errorf("%s: read %d bytes, want at most %d", c.name, source.read, most)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) { // a response that is slow and endless
		client, wait := pipe(func(c net.Conn) {
			readRequest(c)
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 102 X\r\n\r\n"); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		begin := time.Now()
		_, err := client.Handshake(t.Context(), &Request{URL: "ws://h.test/"})
		wantError(t, err, StageHTTP)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != defaultResponseTimeout {
			t.Errorf("%v after %v, want ResponseTimeout", err, time.Since(begin))
		}
		wait()
	})
}

// FuzzResponse checks what holds for every response: no panic, no more bytes read
// than allowed, and an accepted response has what it must have.
func FuzzResponse(f *testing.F) {
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	req := &Request{Subprotocols: []string{"chat"}, Extensions: deflate}
	for _, s := range []string{
		with("") + hello, withLines("Sec-WebSocket-Protocol: chat", `Sec-WebSocket-Extensions: permessage-deflate; a="b"; c`),
		"HTTP/1.1 100 C\r\n\r\n" + with(""), "HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nHello", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		with("Connection", "Connection: keep-alive,\r\n\tUpgrade"), "HTTP/1.1 101 X\n\n", "SSH-2.0-x\r\n",
	} {
		f.Add([]byte(strings.ReplaceAll(s, "{accept}", AcceptKey(key))))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 2000
		source := bytes.NewReader(in)
		r := bufio.NewReaderSize(source, 16)
		head, err := readResponse(r, limit)
		consumed := len(in) - source.Len() - r.Buffered()
		if consumed > limit {
			t.Fatalf("consumed %d bytes of a response", consumed)
		}
		if err != nil {
			return
		}
		if head.status >= 100 && head.status < 200 && head.status != 101 {
			t.Fatalf("status %d is not final", head.status)
		}
		for name, values := range head.header {
			if !isToken(name) || strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
				t.Fatalf("header %q: %q", name, values)
			}
		}
		if head.status != 101 {
			if body, _ := head.readBody(r); len(body) > maxBody {
				t.Fatalf("body has %d bytes", len(body))
			}
			return
		}
		subprotocol, extensions, err := validate(&Response{Major: 1, Minor: head.minor, Status: 101, Header: head.header}, key, req)
		if err != nil {
			return
		}
		if head.header.Get("Sec-WebSocket-Accept") != AcceptKey(key) || !strings.EqualFold(head.header.Get("Upgrade"), "websocket") {
			t.Fatalf("accepted %q", in)
		}
		if subprotocol != "" && subprotocol != "chat" || len(extensions) > 1 {
			t.Fatalf("accepted %q and %q", subprotocol, extensions)
		}
		for _, e := range extensions {
			again, err := parseExtensions([]string{e.String()})
			if err != nil || len(again) != 1 || again[0].String() != e.String() {
				t.Fatalf("%q became %q, %v", e, again, err)
			}
		}
		if rest, _ := io.ReadAll(r); len(rest) != len(in)-consumed {
			t.Fatalf("%d bytes after the response, want %d", len(rest), len(in)-consumed)
		}
	})
}
