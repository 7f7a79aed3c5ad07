package handshake

// This file connects through a proxy (RFC 6455 §4.1): HTTP CONNECT (RFC 9110
// §9.3.6) and SOCKS5 (RFC 1928).

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/net/proxy"
)

// proxyPorts maps the schemes of proxies to their default ports.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// dialThrough connects to the server of u through a proxy. Every error has
// StageProxy and names the proxy, without its user information.
func (a *NetAdapter) dialThrough(ctx context.Context, via, u *url.URL, head *RequestHead) (net.Conn, error) {
	port, known := proxyPorts[via.Scheme]
	if !known || via.Hostname() == "" {
		return nil, fail(StageProxy, errors.New("the URL of the proxy needs a host and the scheme http, https, socks5 or socks5h"))
	}
	if via.Port() != "" {
		port = via.Port()
	}
	hostPort := net.JoinHostPort(via.Hostname(), port)
	conn, err := a.dialProxy(ctx, hostPort)
	if err == nil {
		tcp := conn
		err = a.limit(StageProxy).run(ctx, tcp, func(ctx context.Context) error {
			switch via.Scheme {
			case "https":
				t := tlsClient(tcp, a.TLSConfig, tlsName(via))
				if err := t.HandshakeContext(ctx); err != nil {
					return err
				}
				conn = t
				fallthrough
			case "http":
				return a.connectHTTP(ctx, conn, via, u, head)
			default:
				return connectSOCKS(ctx, conn, hostPort, via, u)
			}
		})
		if err != nil {
			tcp.Close()
		}
	}
	if err != nil {
		return nil, proxyError(hostPort, err)
	}
	return conn, nil
}

// dialProxy connects to the proxy itself. There is no gate: the rule of RFC 6455
// §4.1 is about the server's host.
func (a *NetAdapter) dialProxy(ctx context.Context, hostPort string) (net.Conn, error) {
	if a.DialContext != nil {
		return a.dialCustom(ctx, hostPort)
	}
	conn, _, err := a.dial(ctx, hostPort, &Gate{PerAddress: -1})
	return conn, err
}

// proxyError reports a failure on the way to the proxy, or at the proxy, under
// StageProxy.
func proxyError(hostPort string, err error) error {
	e := fail(StageProxy, err)
	e.Stage = StageProxy
	e.Err = fmt.Errorf("proxy %s: %w", hostPort, e.Err)
	return e
}

// connectHTTP asks the proxy for a tunnel (RFC 6455 §4.1, step 3).
func (a *NetAdapter) connectHTTP(ctx context.Context, conn net.Conn, via, u *url.URL, head *RequestHead) error {
	target := withoutZone(address(u))
	ask := &RequestHead{Host: target}
	if agent := head.value("User-Agent"); agent != "" {
		ask.Fields = append(ask.Fields, Field{"User-Agent", agent})
	}
	if via.User != nil {
		ask.Fields = append(ask.Fields, Field{"Proxy-Authorization", basicAuth(via.User)})
	}
	if _, err := conn.Write(appendHead(nil, http.MethodConnect, target, ask)); err != nil {
		return err
	}
	// Byte by byte: the bytes after the head belong to the tunnel.
	got, err := readResponse(byteReader{conn}, a.maxResponseHead())
	if err != nil {
		return err
	}
	// RFC 7230 §3.3.3: a 2xx to CONNECT has no body whatever its header says.
	if got.status >= 200 && got.status <= 299 {
		return nil
	}
	body, err := refusalBody(ctx, conn, conn, got)
	if err != nil {
		return err
	}
	return refused(StageProxy, "it", &Response{Status: got.status, Header: got.header, Body: body})
}

// byteReader reads single bytes from a connection, without reading ahead.
type byteReader struct{ io.Reader }

func (r byteReader) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r.Reader, b[:])
	return b[0], err
}

// connectSOCKS asks a SOCKS5 proxy for a connection. The proxy resolves the name.
func connectSOCKS(ctx context.Context, conn net.Conn, hostPort string, via, u *url.URL) error {
	var auth *proxy.Auth
	if via.User != nil {
		password, _ := via.User.Password()
		auth = &proxy.Auth{User: via.User.Username(), Password: password}
	}
	d, err := proxy.SOCKS5("tcp", hostPort, auth, connected{conn})
	if err != nil {
		return err
	}
	// It returns conn in a wrapper that only adds an address.
	_, err = d.(proxy.ContextDialer).DialContext(ctx, "tcp", withoutZone(address(u)))
	return err
}

// connected is a dialer that returns a connection that is already open.
type connected struct{ conn net.Conn }

func (c connected) Dial(string, string) (net.Conn, error) { return c.conn, nil }
func (c connected) DialContext(context.Context, string, string) (net.Conn, error) {
	return c.conn, nil
}
