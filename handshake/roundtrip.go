package handshake

// This file leaves the HTTP exchange to an *http.Client.

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
// connections, proxies, TLS configuration, cookie jar and middleware. To use an
// http.RoundTripper, set &http.Client{Transport: t}. Several goroutines may use a
// RoundTripAdapter at once.
//
// It differs from a NetAdapter as net/http does:
//   - net/http limits the size of the response, reads it less strictly, and
//     chooses the order of the header;
//   - when the context ends, Exchange returns at once, but a connect or TLS
//     handshake that has begun goes on in the background until it is done or
//     reaches a timeout of the http.Transport;
//   - a connection on which a handshake was refused may be kept for other
//     requests;
//   - through a proxy only wss is tunnelled; for ws the proxy must forward the
//     upgrade.
type RoundTripAdapter struct {
	// Client makes the request. Its Timeout and CheckRedirect are not used. nil
	// means http.DefaultClient.
	Client *http.Client

	// Timeout bounds the exchange. 0 means 30 s, negative none.
	Timeout time.Duration

	// Gate bounds the attempts that are under way; the addresses that Client
	// connects to are unknown to it. nil means one Gate for the whole process.
	Gate *Gate
}

const defaultRoundTripTimeout = 30 * time.Second

// Exchange implements Adapter.
func (a *RoundTripAdapter) Exchange(ctx context.Context, u *url.URL, head *RequestHead) (*Response, error) {
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
	client.Timeout = 0 // it would cover the stream too, and hide its Write method
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	var resp *Response
	progress := progress{now: point{stage: StageHTTP}}
	limit := newTimeLimit(StageHTTP, "RoundTripAdapter.Timeout", a.Timeout, defaultRoundTripTimeout)
	err = limit.run(ctx, nil, func(ctx context.Context) error {
		reading, cancel := context.WithCancel(ctx)
		defer cancel()
		got, err := client.Do(httpRequest(httptrace.WithClientTrace(reading, progress.trace()), u, head))
		if err != nil {
			return &Error{Stage: progress.get().stage, Err: withoutURL(err)}
		}
		if got.StatusCode != http.StatusSwitchingProtocols {
			defer time.AfterFunc(bodyTimeout, cancel).Stop()
		}
		resp = fromHTTP(got)
		if resp.Stream == nil && ctx.Err() != nil {
			return &Error{Stage: StageHTTP, Status: resp.Status, Header: resp.Header, Body: resp.Body, Err: ctx.Err()}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	resp.LocalAddr, resp.RemoteAddr = progress.get().local, progress.get().remote
	return resp, nil
}

// httpRequest makes the request for net/http.
func httpRequest(ctx context.Context, u *url.URL, head *RequestHead) *http.Request {
	target := *u
	target.Scheme = map[string]string{"ws": "http", "wss": "https"}[u.Scheme]
	header := make(http.Header)
	header["User-Agent"] = nil // so that net/http does not send its own
	for _, f := range head.Fields {
		name := f.Name
		// net/http looks fields up by their canonical names, but would change the
		// spelling of these.
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

// fromHTTP converts what net/http returned.
func fromHTTP(got *http.Response) *Response {
	resp := &Response{Major: got.ProtoMajor, Minor: got.ProtoMinor, Status: got.StatusCode, Header: got.Header}
	if got.StatusCode == http.StatusSwitchingProtocols {
		// The body is writable only if Upgrade and Connection are present, and no
		// middleware hides it.
		if stream, ok := got.Body.(io.ReadWriteCloser); ok {
			resp.Stream = stream
			return resp
		}
	} else {
		resp.Body = firstBytes(got.Body)
	}
	got.Body.Close()
	return resp
}

// withoutURL removes the *url.Error around err: it quotes the URL, whose query may
// hold credentials.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// progress records how far an exchange of net/http has come. The hooks are called
// from several goroutines, some of them after the exchange.
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
			// If neither TLS nor the request comes next, it is the exchange with a
			// proxy.
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
