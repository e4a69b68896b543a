package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const day = 24 * time.Hour

// pair is a certificate and its key, as files.
type pair struct{ cert, key string }

func pairAt(prefix string) pair { return pair{cert: prefix + ".crt", key: prefix + ".key"} }

// authority is the CA that signs the servers' and the clients' certificates of one cluster.
type authority struct {
	pair
	certificate *x509.Certificate
	signer      crypto.Signer
}

// request says what a certificate is to hold.
type request struct {
	subject     pkix.Name
	notBefore   time.Time
	notAfter    time.Time
	usage       x509.ExtKeyUsage
	addresses   []net.IP
	serverNames []string
}

// openAuthority reads the CA in a folder, or makes it where there is none.
func openAuthority(folder string) (*authority, error) {
	files := pairAt(filepath.Join(folder, "ca"))
	if _, err := os.Stat(files.key); errors.Is(err, fs.ErrNotExist) {
		if err := createAuthority(folder, files); err != nil {
			return nil, err
		}
	}
	certificate, err := readCertificate(files.cert)
	if err != nil {
		return nil, err
	}
	signer, err := readKey(files.key)
	if err != nil {
		return nil, err
	}
	return &authority{pair: files, certificate: certificate, signer: signer}, nil
}

func createAuthority(folder string, files pair) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "keybook tests"},
		// Expired client certificates are issued too, and must not be older than their CA.
		NotBefore:             time.Now().Add(-5 * 365 * day),
		NotAfter:              time.Now().Add(10 * 365 * day),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	return writePair(files, der, key)
}

// issue signs a new certificate with a new key.
func (a *authority) issue(files pair, wanted request) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      wanted.subject,
		NotBefore:    wanted.notBefore,
		NotAfter:     wanted.notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{wanted.usage},
		IPAddresses:  wanted.addresses,
		DNSNames:     wanted.serverNames,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.signer)
	if err != nil {
		return err
	}
	return writePair(files, der, key)
}

// issueServer signs a certificate for servers on this machine's loopback addresses.
func (a *authority) issueServer(files pair) error {
	return a.issue(files, request{
		subject:     pkix.Name{CommonName: "localhost"},
		notBefore:   time.Now().Add(-time.Hour),
		notAfter:    time.Now().Add(365 * day),
		usage:       x509.ExtKeyUsageServerAuth,
		addresses:   []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		serverNames: []string{"localhost"},
	})
}

// issueClient signs a certificate that makes its holder the given user in the given groups.
func (a *authority) issueClient(files pair, user string, groups []string, notBefore, notAfter time.Time) error {
	return a.issue(files, request{
		subject:   pkix.Name{CommonName: user, Organization: groups},
		notBefore: notBefore,
		notAfter:  notAfter,
		usage:     x509.ExtKeyUsageClientAuth,
	})
}

// issueToday is issueClient from an hour ago for a year.
func (a *authority) issueToday(files pair, user string, groups ...string) error {
	return a.issueClient(files, user, groups, time.Now().Add(-time.Hour), time.Now().Add(365*day))
}

// createSigningKey makes the key pair that signs ServiceAccounts' tokens, where there is none yet.
func createSigningKey(private, public string) error {
	if _, err := os.Stat(private); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writePEM(public, "PUBLIC KEY", der); err != nil {
		return err
	}
	return writeKey(private, key)
}

func writePair(files pair, certificate []byte, key *ecdsa.PrivateKey) error {
	if err := writePEM(files.cert, "CERTIFICATE", certificate); err != nil {
		return err
	}
	return writeKey(files.key, key)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	// The API server reads a signing key in this form only.
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

func readPEM(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	return block.Bytes, nil
}

func readCertificate(path string) (*x509.Certificate, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func readKey(path string) (crypto.Signer, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	return x509.ParseECPrivateKey(der)
}
