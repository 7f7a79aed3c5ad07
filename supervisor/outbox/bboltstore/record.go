// This file is the format of one message in the file.

package bboltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
)

// A record is, all numbers big-endian:
//
//	kind 1 | flags 1 | TTL in ns 8 | expiry: Unix time 8, ns 4 | length of ID 4 | ID | data | CRC-32C 4
//
// The checksum is over the key, which is the Seq in 8 bytes, and what precedes it.
const (
	headSize = 1 + 1 + 8 + 8 + 4 + 4
	sumSize  = 4
)

const (
	flagResend = 1 << iota
	flagExpires
	flagsKnown = flagResend | flagExpires
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errShort    = errors.New("the record is too short")
	errChecksum = errors.New("the checksum is wrong")
	errFields   = errors.New("the record has fields that this version does not know")
	errKey      = errors.New("a key is not a sequence number")
)

func keyOf(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

func encode(key []byte, m *outbox.StoredMessage) ([]byte, error) {
	if m.Kind != messages.KindText && m.Kind != messages.KindBinary {
		return nil, fmt.Errorf("message of kind %d: %w", m.Kind, messages.ErrInvalidKind)
	}
	var flags byte
	var seconds int64
	var nanos int
	if m.Resend {
		flags |= flagResend
	}
	if !m.Expires.IsZero() {
		// Not UnixNano: the longest TTL ends beyond its range.
		flags |= flagExpires
		seconds, nanos = m.Expires.Unix(), m.Expires.Nanosecond()
	}
	b := make([]byte, 0, headSize+len(m.ID)+len(m.Data)+sumSize)
	b = append(b, byte(m.Kind), flags)
	b = binary.BigEndian.AppendUint64(b, uint64(m.TTL))
	b = binary.BigEndian.AppendUint64(b, uint64(seconds))
	b = binary.BigEndian.AppendUint32(b, uint32(nanos))
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.ID)))
	b = append(b, m.ID...)
	b = append(b, m.Data...)
	return binary.BigEndian.AppendUint32(b, checksum(key, b)), nil
}

// decode keeps nothing of key and b.
func decode(key, b []byte) (m outbox.StoredMessage, err error) {
	if len(key) != 8 {
		return m, errKey
	}
	m.Seq = binary.BigEndian.Uint64(key)
	if len(b) < headSize+sumSize {
		return m, errShort
	}
	b, sum := b[:len(b)-sumSize], binary.BigEndian.Uint32(b[len(b)-sumSize:])
	if checksum(key, b) != sum {
		return m, errChecksum
	}
	flags := b[1]
	m.Kind = messages.Kind(b[0])
	if m.Kind != messages.KindText && m.Kind != messages.KindBinary || flags&^flagsKnown != 0 {
		return m, errFields
	}
	m.Resend = flags&flagResend != 0
	m.TTL = time.Duration(binary.BigEndian.Uint64(b[2:]))
	if flags&flagExpires != 0 {
		m.Expires = time.Unix(int64(binary.BigEndian.Uint64(b[10:])), int64(binary.BigEndian.Uint32(b[18:])))
	}
	id := uint64(binary.BigEndian.Uint32(b[22:]))
	b = b[headSize:]
	if id > uint64(len(b)) {
		return m, errShort
	}
	m.ID, m.Data = string(b[:id]), bytes.Clone(b[id:])
	return m, nil
}
