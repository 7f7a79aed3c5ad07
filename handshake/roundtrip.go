package handshake

// The HTTP exchange left to an *http.Client.

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"time"
)

// RoundTripAdapter makes the HTTP exchange with an *http.Client and so uses its
// connections, proxies, TLS configuration, cookie jar and middleware. An
// http.RoundTripper is given as &http.Client{Transport: t}. It may be used by
// several goroutines at once.
//
// What a NetAdapter does by itself is here as net/http does it:
//   - limits, and leniency in reading the answer;
//   - the order of the header;
//   - when the context ends Exchange returns at once, but a connect or TLS
//     handshake that has begun goes on in the background until it is done or
//     meets the timeouts of the http.Transport;
//   - a connection on which a handshake was refused may be kept for other
//     requests;
//   - with a proxy only wss is tunnelled; for ws the proxy has to pass on the upgrade.
type RoundTripAdapter struct {
	// Client makes the request. Its Timeout and CheckRedirect are not used.
	// nil: http.DefaultClient.
	Client *http.Client

	// Timeout bounds the exchange. 0 means 30 s, negative none.
	Timeout time.Duration

	// Gate bounds the attempts that are under way at once; to it, the addresses
	// behind Client are unknown. nil: one for the whole process.
	Gate *Gate
}

const defaultRoundTripTimeout = 30 * time.Second

// Exchange implements Adapter.
func (a *RoundTripAdapter) Exchange(ctx context.Context, u *url.URL, head *Head) (*Answer, error) {
	if head.TLSConfig != nil {
		return nil, fail(StageRequest, errors.New("a RoundTripAdapter cannot use Request.TLSConfig: set it in the transport of its Client"))
	}
	leave, err := a.Gate.enterUnknown(ctx, address(u))
	if err != nil {
		return nil, fail(StageDial, err)
	}
	defer leave()

	client := *http.DefaultClient
	if a.Client != nil {
		client = *a.Client
	}
	client.Timeout = 0 // it would cover the stream as well, and take its Write away
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	var answer *Answer
	progress := progress{now: point{stage: StageHTTP}}
	whole := newStage(StageHTTP, "RoundTripAdapter.Timeout", a.Timeout, defaultRoundTripTimeout)
	err = whole.run(ctx, nil, func(ctx context.Context) error {
		reading, cancel := context.WithCancel(ctx)
		defer cancel()
		resp, err := client.Do(httpRequest(httptrace.WithClientTrace(reading, progress.trace()), u, head))
		if err != nil {
			return &Error{Stage: progress.get().stage, Err: withoutURL(err)}
		}
		if resp.StatusCode != http.StatusSwitchingProtocols {
			defer time.AfterFunc(bodyTimeout, cancel).Stop()
		}
		answer = httpAnswer(resp)
		if answer.Stream == nil && ctx.Err() != nil {
			return &Error{Stage: StageHTTP, Status: answer.Status, Header: answer.Header, Body: answer.Body, Err: ctx.Err()}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	answer.LocalAddr, answer.RemoteAddr = progress.get().local, progress.get().remote
	return answer, nil
}

// httpRequest makes the request for net/http.
func httpRequest(ctx context.Context, u *url.URL, head *Head) *http.Request {
	target := *u
	target.Scheme = map[string]string{"ws": "http", "wss": "https"}[u.Scheme]
	header := make(http.Header)
	header["User-Agent"] = nil // so that net/http does not put its own
	for _, f := range head.Fields {
		name := f.Name
		// net/http finds its own fields by their canonical names; ours have a
		// spelling that it would change.
		if !strings.HasPrefix(name, "Sec-WebSocket-") {
			name = textproto.CanonicalMIMEHeaderKey(name)
		}
		header[name] = append(header[name], f.Value)
	}
	return (&http.Request{
		Method: http.MethodGet, URL: &target, Host: head.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
}

// httpAnswer makes an Answer of what net/http returned.
func httpAnswer(resp *http.Response) *Answer {
	answer := &Answer{Major: resp.ProtoMajor, Minor: resp.ProtoMinor, Status: resp.StatusCode, Header: resp.Header}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// It is a writable one only if Upgrade and Connection are there, and no
		// middleware hides it.
		if stream, ok := resp.Body.(io.ReadWriteCloser); ok {
			answer.Stream = stream
			return answer
		}
	} else {
		answer.Body = firstBytes(resp.Body)
	}
	resp.Body.Close()
	return answer
}

// withoutURL takes off the wrapping with the URL, which may hold credentials in
// its query.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// progress is how far an exchange of net/http has come. The hooks are called
// from several goroutines, some after the exchange.
type progress struct {
	mu  sync.Mutex
	now point
}

type point struct {
	stage         Stage
	local, remote net.Addr
}

func (p *progress) set(now point) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
}

func (p *progress) get() point {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { p.set(point{stage: StageResolve}) },
		ConnectStart: func(string, string) { p.set(point{stage: StageDial}) },
		ConnectDone: func(_, _ string, err error) {
			// What comes next, if it is neither TLS nor the request, is the
			// talk with a proxy.
			if err == nil {
				p.set(point{stage: StageProxy})
			}
		},
		TLSHandshakeStart: func() { p.set(point{stage: StageTLS}) },
		GotConn: func(info httptrace.GotConnInfo) {
			p.set(point{StageHTTP, info.Conn.LocalAddr(), info.Conn.RemoteAddr()})
		},
	}
}
