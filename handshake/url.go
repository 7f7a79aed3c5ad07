package handshake

// This file parses WebSocket URLs: RFC 6455 §3.

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ParseURL parses a WebSocket URL (RFC 6455 §3) into the form that the rest of the
// package works with:
//
//   - Scheme is ws or wss;
//   - Host is in ASCII (IDNA) and lower case; the default port, 80 for ws and 443
//     for wss, is left out, and an IPv6 address is in brackets;
//   - RequestURI is the resource name: the path (a slash if it is empty) and the
//     query if it is not empty. Percent escapes stay as they are, nothing is
//     normalised, and characters that are not allowed are escaped as UTF-8;
//   - User is the user information, nil if there is none.
//
// It refuses a fragment (a number sign that is data is written %23), control
// characters, a port outside 1 to 65535, and anything else that RFC 3986 does not
// allow. The error is an *Error with StageURL. ParseURL uses no network.
func ParseURL(raw string) (*url.URL, error) {
	u, err := parseURL(raw)
	if err != nil {
		return nil, &Error{Stage: StageURL, URL: redact(raw), Err: err}
	}
	return u, nil
}

// parseURL is ParseURL with errors that quote nothing of the URL: it may hold
// credentials, and in a wrong URL nobody can tell where.
func parseURL(raw string) (*url.URL, error) {
	if !utf8.ValidString(raw) {
		return nil, errors.New("it is not valid UTF-8")
	}
	for _, c := range []byte(raw) {
		if c < ' ' || c == 0x7F {
			return nil, errors.New("it has a control character")
		}
	}
	// RFC 6455 §3: fragment identifiers are meaningless and MUST NOT be used.
	if strings.Contains(raw, "#") {
		return nil, errors.New("it has a fragment (RFC 6455 §3); write a number sign that is data as %23")
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	switch {
	case ok && equalFold(scheme, "ws"):
		scheme = "ws"
	case ok && equalFold(scheme, "wss"):
		scheme = "wss"
	default:
		return nil, errors.New("it does not begin with ws:// or wss://")
	}
	authority, path, query := rest, "", ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
		path, query, _ = strings.Cut(rest[i:], "?")
	}

	u := &url.URL{Scheme: scheme}
	var err error
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		if u.User, err = parseUserinfo(authority[:i]); err != nil {
			return nil, err
		}
		authority = authority[i+1:]
	}
	if u.Host, err = parseHostPort(scheme, authority); err != nil {
		return nil, err
	}
	// RFC 6455 §3: the resource name is "/" if the path is empty, else the
	// path; then "?" and the query if the query is not empty.
	if path, err = escape(path, pathChars); err != nil {
		return nil, fmt.Errorf("the path %w", err)
	}
	if path == "" {
		path = "/"
	}
	if u.Path, err = url.PathUnescape(path); err != nil {
		return nil, errors.New("the path has an invalid percent escape")
	}
	if u.EscapedPath() != path {
		u.RawPath = path
	}
	if u.RawQuery, err = escape(query, queryChars); err != nil {
		return nil, fmt.Errorf("the query %w", err)
	}
	return u, nil
}

// The characters that are not escaped in each part, besides letters and digits:
// RFC 3986 §2.2, §2.3, §3.3 and §3.4.
const (
	unreserved    = "-._~"
	subDelims     = "!$&'()*+,;="
	userinfoChars = unreserved + subDelims + ":"
	hostChars     = unreserved + subDelims
	pathChars     = unreserved + subDelims + ":@/"
	queryChars    = pathChars + "?"
)

func allowed(c byte, chars string) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(chars, c) >= 0
}

// escape percent-encodes what is neither allowed nor already an escape (RFC 6455
// §11.1.1). A percent sign that begins no escape is an error.
func escape(s, chars string) (string, error) {
	if allowedAll(s, chars) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case allowed(c, chars):
			b.WriteByte(c)
		case c != '%':
			fmt.Fprintf(&b, "%%%02X", c)
		case i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteString(s[i : i+3])
			i += 2
		default:
			return "", errors.New("has a percent sign without two hexadecimal digits; write a percent sign that is data as %25")
		}
	}
	return b.String(), nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= lower(c) && lower(c) <= 'f'
}

// parseUserinfo parses the part before the at sign. RFC 6455 has no such part; it
// is parsed as in RFC 3986 §3.2.1 and RFC 7617. An empty one counts as none.
func parseUserinfo(s string) (*url.Userinfo, error) {
	for i := range len(s) {
		if s[i] != '%' && !allowed(s[i], userinfoChars) {
			return nil, errors.New("the user information has a character that must be percent-encoded")
		}
	}
	name, password, hasPassword := strings.Cut(s, ":")
	name, err1 := url.PathUnescape(name)
	password, err2 := url.PathUnescape(password)
	switch {
	case err1 != nil || err2 != nil:
		return nil, errors.New("the user information has an invalid percent escape")
	// RFC 7617 §2: no colon in the name, no control characters at all.
	case strings.Contains(name, ":") || strings.ContainsFunc(name+password, isControl):
		return nil, errors.New("the user information has a character that Basic authorization cannot carry (RFC 7617 §2)")
	case hasPassword:
		return url.UserPassword(name, password), nil
	case name != "":
		return url.User(name), nil
	}
	return nil, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7F }

// parseHostPort returns host and port as they are sent in Host: the port only if
// it is not the default of the scheme.
func parseHostPort(scheme, s string) (string, error) {
	var host, port string
	if strings.HasPrefix(s, "[") {
		literal, rest, ok := strings.Cut(s[1:], "]")
		if !ok || rest != "" && rest[0] != ':' {
			return "", errors.New("the brackets of the IPv6 address are not closed")
		}
		// RFC 6874: a zone follows an escaped percent sign.
		ip, zone, _ := strings.Cut(literal, "%25")
		addr, err := netip.ParseAddr(ip)
		if err != nil || !addr.Is6() || addr.Zone() != "" || !allowedAll(zone, unreserved) {
			return "", errors.New("there is no valid IPv6 address between the brackets")
		}
		host, port = "["+addr.WithZone(zone).String()+"]", strings.TrimPrefix(rest, ":")
	} else {
		var err error
		host, port, _ = strings.Cut(s, ":")
		if host, err = parseName(host); err != nil {
			return "", err
		}
	}
	number := defaultPort(scheme)
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", errors.New("the port is not a number from 1 to 65535")
		}
		number = strconv.FormatUint(n, 10)
	}
	// RFC 6455 §4.1: Host has the port only if it is not the default.
	if number != defaultPort(scheme) {
		host += ":" + number
	}
	return host, nil
}

// parseName returns a host name or IPv4 address in lower-case ASCII.
func parseName(s string) (string, error) {
	name, err := url.PathUnescape(s) // RFC 3986 §3.2.2: a registered name may have escapes
	if err != nil || !utf8.ValidString(name) {
		return "", errors.New("the host has an invalid percent escape")
	}
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			// RFC 6455 §11.1.1: IDNA. Plain ASCII does not go through it, because the
			// profile would refuse the underscores of local names.
			if name, err = idna.Lookup.ToASCII(name); err != nil {
				return "", errors.New("the host has no valid ASCII (IDNA) form")
			}
			break
		}
	}
	if name == "" {
		return "", errors.New("it has no host")
	}
	if !allowedAll(name, hostChars) {
		return "", errors.New("the host has a character that is not allowed there")
	}
	return strings.ToLower(name), nil
}

func allowedAll(s, chars string) bool {
	for i := range len(s) {
		if !allowed(s[i], chars) {
			return false
		}
	}
	return true
}

func defaultPort(scheme string) string {
	if scheme == "wss" {
		return "443"
	}
	return "80"
}

// secure reports whether the URL asks for TLS. RFC 6455 §3: the scheme alone decides.
func secure(u *url.URL) bool { return u.Scheme == "wss" }

// address returns host and port to connect to.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// withoutZone removes the zone from an IPv6 address in brackets: it has a meaning
// on this machine only (RFC 6874 §4).
func withoutZone(host string) string {
	before, rest, ok := strings.Cut(host, "%")
	if !ok {
		return host
	}
	_, after, _ := strings.Cut(rest, "]")
	return before + "]" + after
}

// withoutUser returns a copy of u without user information.
func withoutUser(u *url.URL) *url.URL {
	c := *u
	c.User = nil
	return &c
}

// redactURL returns u without the parts that may be secret: user information and
// query.
func redactURL(u *url.URL) string {
	c := withoutUser(u)
	c.RawQuery = ""
	s := c.String()
	if u.RawQuery != "" {
		s += "?..."
	}
	return s
}

// redact is redactURL for a URL that may be wrong: it removes everything before an
// at sign.
func redact(raw string) string {
	scheme := ""
	if i := strings.Index(raw, "://"); i >= 0 && allowedAll(raw[:i], "+-.") {
		scheme, raw = raw[:i+3], raw[i+3:]
	}
	if i := strings.LastIndexByte(raw, '@'); i >= 0 {
		raw = "...@" + raw[i+1:]
	}
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i] + "?..."
	}
	if strings.ContainsFunc(raw, isControl) || !utf8.ValidString(raw) {
		raw = strconv.QuoteToASCII(raw)
	}
	return scheme + raw
}
