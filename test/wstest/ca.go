// This file makes certificates: a certificate authority in memory, and
// certificates of any kind, good or bad, that it issues.

package wstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

// CA is a certificate authority that lives in memory.
type CA struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// The default validity holds at the real time as well as in a synctest
// bubble, where it is the year 2000.
var (
	validFrom  = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	validUntil = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// defaultNames are in a certificate whose CertSpec says nothing.
var defaultNames = []string{"localhost", "*.test", "127.0.0.1", "::1"}

// NewCA makes a certificate authority with a new key.
func NewCA() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("wstest: making a CA: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "wstest CA"},
		NotBefore:             validFrom,
		NotAfter:              validUntil,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("wstest: making a CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("wstest: making a CA: %w", err)
	}
	return &CA{cert: cert, key: key}, nil
}

// Pool returns a new pool that trusts this CA alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// CertSpec says what is in a certificate. The zero value is a valid one for
// 127.0.0.1, ::1, localhost and *.test, from 1990 to 2100.
type CertSpec struct {
	// Names are the subject alternative names: DNS names, also with a wildcard,
	// and IP addresses. Nil means the default names; an empty slice none.
	Names []string

	// CommonName is the subject's common name; "" leaves it out.
	CommonName string

	// NotBefore and NotAfter bound the validity; zero means the default.
	NotBefore, NotAfter time.Time

	// SelfSigned makes a certificate that the CA has not signed.
	SelfSigned bool
}

// Issue makes a certificate with a new key. It can be used by servers and by
// clients.
func (ca *CA) Issue(spec CertSpec) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("wstest: issuing a certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("wstest: issuing a certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: spec.CommonName},
		NotBefore:             spec.NotBefore,
		NotAfter:              spec.NotAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = validFrom
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = validUntil
	}
	names := spec.Names
	if names == nil {
		names = defaultNames
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}

	issuer, issuerKey := ca.cert, ca.key
	if spec.SelfSigned {
		issuer, issuerKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("wstest: issuing a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
