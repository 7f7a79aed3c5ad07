// Package testcert issues certificates for tests, right ones and wrong ones. Its
// authority lives in memory, as long as the program.
package testcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"time"
)

// LocalNames are names for a server of a test.
var LocalNames = []string{"localhost", "*.test", "127.0.0.1", "::1"}

// Pool returns a new pool that trusts the authority and nobody else.
func Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(authority().Leaf)
	return pool
}

// Issue returns a new certificate for servers and clients, with these DNS names and IP
// addresses, valid from 1990 to 2100 (in a synctest bubble it is the year 2000). edit,
// if it is not nil, changes it before it is signed.
func Issue(edit func(*x509.Certificate), names ...string) tls.Certificate {
	ca := authority()
	return sign(template(edit, names), ca.Leaf, ca.PrivateKey.(*ecdsa.PrivateKey))
}

// SelfSigned is Issue without the authority.
func SelfSigned(names ...string) tls.Certificate { return sign(template(nil, names), nil, nil) }

var authority = sync.OnceValue(func() tls.Certificate {
	ca := template(nil, nil)
	ca.KeyUsage, ca.IsCA, ca.Subject = x509.KeyUsageCertSign, true, pkix.Name{CommonName: "test CA"}
	return sign(ca, nil, nil)
})

func template(edit func(*x509.Certificate), names []string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	check(err)
	cert := &x509.Certificate{
		SerialNumber:          serial,
		NotBefore:             time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, name)
		}
	}
	if edit != nil {
		edit(cert)
	}
	return cert
}

// sign makes a key for the template and has the issuer sign it, or itself if that is nil.
func sign(template, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	if issuer == nil {
		issuer, issuerKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	check(err)
	leaf, err := x509.ParseCertificate(der)
	check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// check panics: the template is at fault.
func check(err error) {
	if err != nil {
		panic("testcert: " + err.Error())
	}
}
