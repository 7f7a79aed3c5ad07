package handshake

// This file is the grammar of Sec-WebSocket-Extensions: RFC 6455 §9.1.

import (
	"errors"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Extension is one element of Sec-WebSocket-Extensions: one that the client
// offers or the server accepted.
type Extension struct {
	Name   string
	Params []Param // in order
}

// Param is a parameter of an extension.
type Param struct {
	Name string
	// Value is a token, unquoted; "" if the parameter has no value.
	Value string
}

// String returns the extension as it is written in the header:
// "permessage-deflate; client_max_window_bits=10".
func (e Extension) String() string {
	var b strings.Builder
	b.WriteString(e.Name)
	for _, p := range e.Params {
		b.WriteString("; " + p.Name)
		if p.Value != "" {
			b.WriteString("=" + p.Value)
		}
	}
	return b.String()
}

// valid reports whether name and parameters follow the grammar.
func (e Extension) valid() bool {
	for _, p := range e.Params {
		if !isToken(p.Name) || p.Value != "" && !isToken(p.Value) {
			return false
		}
	}
	return isToken(e.Name)
}

var errExtensionGrammar = errors.New("Sec-WebSocket-Extensions breaks the grammar of RFC 6455 §9.1")

// parseExtensions parses the Sec-WebSocket-Extensions lines of a response. RFC
// 6455 §9.1: several lines mean the same as one list. The grammar is
//
//	list      = 1#extension          ; empty elements are skipped (RFC 9110 §5.6.1)
//	extension = token *( ";" param )
//	param     = token [ "=" ( token | quoted-string ) ]
//
// with optional white space between any two parts; a quoted string must be a
// token once unquoted. A header without any extension is an error.
func parseExtensions(lines []string) ([]Extension, error) {
	var list []Extension
	for _, line := range lines {
		s := scanner(line)
		for !s.end() {
			if s.skip(',') {
				continue
			}
			e, ok := s.extension()
			if !ok || !s.end() && !s.skip(',') {
				return nil, errExtensionGrammar
			}
			list = append(list, e)
		}
	}
	if len(lines) > 0 && len(list) == 0 {
		return nil, errExtensionGrammar
	}
	return list, nil
}

// scanner is the rest of a header value that is being parsed.
type scanner string

func (s *scanner) space() {
	*s = scanner(strings.TrimLeft(string(*s), " \t"))
}

// end reports whether only white space is left.
func (s *scanner) end() bool {
	s.space()
	return *s == ""
}

// skip takes white space and then c, and reports whether c was there.
func (s *scanner) skip(c byte) bool {
	s.space()
	if *s == "" || (*s)[0] != c {
		return false
	}
	*s = (*s)[1:]
	return true
}

// token takes white space and then a token.
func (s *scanner) token() (string, bool) {
	s.space()
	n := 0
	for n < len(*s) && httpguts.IsTokenRune(rune((*s)[n])) {
		n++
	}
	t := string((*s)[:n])
	*s = (*s)[n:]
	return t, n > 0
}

// quoted takes the rest of a quoted string whose opening quote has been taken.
func (s *scanner) quoted() (string, bool) {
	var b strings.Builder
	for i := 0; i < len(*s); i++ {
		switch c := (*s)[i]; c {
		case '"':
			*s = (*s)[i+1:]
			return b.String(), true
		case '\\': // RFC 7230 §3.2.6: a quoted pair
			i++
			if i == len(*s) {
				return "", false
			}
			b.WriteByte((*s)[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func (s *scanner) extension() (e Extension, ok bool) {
	if e.Name, ok = s.token(); !ok {
		return e, false
	}
	for s.skip(';') {
		var p Param
		if p.Name, ok = s.token(); !ok {
			return e, false
		}
		if s.skip('=') {
			if s.skip('"') {
				p.Value, ok = s.quoted()
			} else {
				p.Value, ok = s.token()
			}
			if !ok || !isToken(p.Value) {
				return e, false
			}
		}
		e.Params = append(e.Params, p)
	}
	return e, true
}

// isToken reports whether s is a token (RFC 7230 §3.2.6).
func isToken(s string) bool { return httpguts.ValidHeaderFieldName(s) }
