//go:build linux

package interop

// This file runs nginx as a TLS front of an echo server.

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"text/template"
	"time"
)

// A front is a running nginx.
type front struct {
	addr      string
	clientTLS *tls.Config // trusts its certificate
	proc      *process
}

// startNginx starts nginx with TLS on a free port in front of backend, and returns when it
// is listening.
func startNginx(t *testing.T, backend string) *front {
	t.Helper()
	dir := t.TempDir()
	f := &front{addr: freeAddr(t), clientTLS: &tls.Config{RootCAs: writeCertificate(t, dir)}}

	conf := filepath.Join(dir, "nginx.conf")
	out, err := os.Create(conf)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := template.Must(template.ParseFiles(filepath.Join("servers", "nginx", "nginx.conf.tmpl")))
	if err := tmpl.Execute(out, map[string]string{"Dir": dir, "Listen": f.addr, "Backend": backend}); err != nil {
		t.Fatalf("write nginx.conf: %v", err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}

	f.proc = startProcess(t, t, "nginx", nginxBinary(), "-p", dir, "-c", conf, "-e", "stderr")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	f.awaitListening(t, ctx)
	return f
}

// nginxBinary finds nginx even if PATH has no system binaries.
func nginxBinary() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx"
}

// awaitListening returns when nginx accepts connections; nginx prints nothing then.
func (f *front) awaitListening(t *testing.T, ctx context.Context) {
	t.Helper()
	var d net.Dialer
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := d.DialContext(ctx, "tcp", f.addr)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-retry.C:
		case <-f.proc.done:
			t.Fatalf("nginx ended: %s", &f.proc.stderr)
		case <-ctx.Done():
			t.Fatalf("nginx is not listening on %s: %v\n%s", f.addr, err, &f.proc.stderr)
		}
	}
}

// writeCertificate makes a self-signed certificate for 127.0.0.1, writes cert.pem and
// key.pem into dir and returns a pool that trusts it.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	for name, text := range map[string][]byte{"cert.pem": certPEM, "key.pem": keyPEM} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return pool
}
