package handshake

// This file reads an HTTP/1.1 response, strictly and no further than a limit.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
)

// responseHead is the head of a final response.
type responseHead struct {
	raw    []byte // with the empty line
	minor  int    // of HTTP/1.x
	status int
	header http.Header
}

// readResponse reads the head of the final response, and not a byte more if r
// does not read ahead. RFC 9110 §15.2: interim 1xx responses are skipped. All
// heads together may have limit bytes.
func readResponse(r io.ByteReader, limit int) (*responseHead, error) {
	for left := limit; ; {
		raw, err := readHead(r, left)
		if err == errTooLong {
			return nil, fmt.Errorf("the head of the response is longer than %d bytes (MaxResponseHead)", limit)
		}
		if err != nil {
			return nil, err
		}
		left -= len(raw)
		h, err := parseHead(raw)
		if err != nil {
			return nil, err
		}
		if h.status < 100 || h.status > 199 || h.status == http.StatusSwitchingProtocols {
			return h, nil
		}
	}
}

// usualHead is the capacity for the head of an ordinary request or response, in bytes.
const usualHead = 512

var errTooLong = errors.New("too long")

// readHead reads up to and including the empty line. Input that cannot become an
// HTTP response is refused at its first wrong byte.
func readHead(r io.ByteReader, limit int) ([]byte, error) {
	const begin = "HTTP/1."
	head := make([]byte, 0, usualHead)
	line := 0 // where the current one begins
	for {
		if len(head) >= limit {
			return nil, errTooLong
		}
		c, err := r.ReadByte()
		if err == io.EOF {
			if len(head) == 0 {
				return nil, fmt.Errorf("the connection was closed without a response: %w", io.ErrUnexpectedEOF)
			}
			return nil, fmt.Errorf("the connection was closed in the middle of the response: %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the response: %w", err)
		}
		head = append(head, c)
		if n := len(head); n <= len(begin) && c != begin[n-1] {
			return nil, errors.New("the response is not HTTP/1")
		}
		if c != '\n' {
			continue
		}
		if l := string(head[line:]); l == "\r\n" || l == "\n" {
			return head, nil
		}
		line = len(head)
	}
}

var errMalformedHeader = errors.New("the response has a malformed header line (RFC 7230 §3.2)")

// parseHead parses a complete head.
func parseHead(raw []byte) (*responseHead, error) {
	first, fields, _ := bytes.Cut(raw, []byte("\n"))
	h := &responseHead{raw: raw}
	if !h.parseStatusLine(strings.TrimSuffix(string(first), "\r")) {
		return nil, errors.New("the response has a malformed status line (RFC 7230 §3.1.2)")
	}
	// ReadMIMEHeader joins folded lines (RFC 7230 §3.2.4), and refuses a line
	// without a colon, one that begins with white space right after the status
	// line (§3), and control characters (RFC 9110 §5.5). Its errors quote the
	// line, which may hold a secret.
	header, err := textproto.NewReader(bufio.NewReaderSize(bytes.NewReader(fields), len(fields))).ReadMIMEHeader()
	if err != nil {
		return nil, errMalformedHeader
	}
	for name := range header {
		// RFC 7230 §3.2.4: no white space between name and colon.
		if !isToken(name) {
			return nil, errMalformedHeader
		}
	}
	h.header = http.Header(header)
	return h, nil
}

// parseStatusLine implements RFC 7230 §2.6 and §3.1.2: the version is HTTP/1 and
// one digit, the status three digits; the reason phrase has no meaning.
func (h *responseHead) parseStatusLine(s string) bool {
	s, ok := strings.CutPrefix(s, "HTTP/1.")
	if !ok || len(s) < len("1 101") || !isDigit(s[0]) || s[1] != ' ' {
		return false
	}
	h.minor = int(s[0] - '0')
	for _, c := range []byte(s[2:5]) {
		if !isDigit(c) {
			return false
		}
		h.status = h.status*10 + int(c-'0')
	}
	phrase := s[5:]
	return phrase == "" || phrase[0] == ' '
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// readBody returns the first bytes of the body that follows head in r, at most
// maxBody. It fails if the head does not say where the body ends (RFC 7230
// §3.3.3), but not if the body is cut short.
func (h *responseHead) readBody(r io.Reader) ([]byte, error) {
	resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(h.raw), r)), nil)
	if err != nil {
		return nil, errors.New("the body length of the response is invalid or ambiguous (RFC 7230 §3.3.3)")
	}
	return firstBytes(resp.Body), nil
}

// firstBytes reads up to maxBody bytes, and returns those that came before an error.
func firstBytes(r io.Reader) []byte {
	body, _ := io.ReadAll(io.LimitReader(r, maxBody))
	return body
}
