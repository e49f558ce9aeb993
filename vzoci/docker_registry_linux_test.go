package vzoci

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

// dockerRegistry runs Debian's docker-registry on a free port, or skips. http is more of
// that section of its configuration, and more of the whole.
func dockerRegistry(t *testing.T, http, more string) (host string) {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		if os.Getenv("VZ_REQUIRE") != "" {
			t.Fatal("VZ_REQUIRE is set and docker-registry is not installed")
		}
		t.Skip("requires docker-registry (Debian: apt-get install docker-registry)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q%s}\n%s", dir, host, http, more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	return host
}

// What is made here goes to a real registry compressed and comes back the same.
func TestDockerRegistry(t *testing.T) {
	host := dockerRegistry(t, "", "")
	s := open(t, "")
	name := host + "/box:v1"
	contents := strings.Repeat("text ", 100_000)
	made, err := s.Import(t.Context(), bytes.NewReader(registrytest.Tar(t, "file", contents)), ImportOptions{Ref: name, Platform: "linux/amd64"})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := s.Push(t.Context(), name, PushOptions{}) // waits for the registry by its tries
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Push(t.Context(), name, PushOptions{}); err != nil || again != digest {
		t.Errorf("second push = %s, %v, want %s", again, err, digest)
	}
	if info, err := s.InspectImage(t.Context(), name); err != nil || info.ID != made.ID {
		t.Errorf("after the push = %s, %v, want %s", info.ID, err, made.ID)
	}
	intact(t, s)

	other := open(t, "")
	for _, ref := range []string{name, host + "/box@" + digest} {
		if got := pullOf(t, other, ref); got.ID != made.ID {
			t.Errorf("pull %s = %s, want %s", ref, got.ID, made.ID)
		}
	}
	f, err := other.find(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, _, err := other.documents(f.image)
	if err != nil {
		t.Fatal(err)
	}
	if l := doc.Layers[0]; isPlain(l) || l.Size > int64(len(contents)/10) {
		t.Errorf("the layer is %s of %d bytes, want it compressed", l.MediaType, l.Size)
	}
	file := filepath.Join(other.store.LayerDir(f.image.Layers[0].ChainID), "file")
	if data, err := os.ReadFile(file); err != nil || string(data) != contents {
		t.Errorf("the file came back with %d bytes, %v", len(data), err)
	}
	// An image that a registry knows keeps its digest elsewhere.
	moved := host + "/moved:v1"
	if err := other.Tag(t.Context(), name, moved); err != nil {
		t.Fatal(err)
	}
	if got, err := other.Push(t.Context(), moved, PushOptions{}); err != nil || got != digest {
		t.Errorf("push elsewhere = %s, %v, want %s", got, err, digest)
	}
}

// A registry with passwords and a certificate of a private authority: what is logged in
// pushes and pulls, and nobody else.
func TestDockerRegistryLogin(t *testing.T) {
	dir := t.TempDir()
	at := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca, cert, key := certificates(t)
	users := at("users", "joe:$2a$04$jBjdn0YjzfpGl67UC.CTjOqxGhPhkCG/xwL.Y5EBNHVmFbKrfB.vm\n") // "open sesame"
	host := dockerRegistry(t,
		fmt.Sprintf(", tls: {certificate: %s, key: %s}", at("cert.pem", cert), at("key.pem", key)),
		fmt.Sprintf("auth: {htpasswd: {realm: vz, path: %s}}\n", users))
	settings := at("registries.json", fmt.Sprintf(`{"registries":{%q:{"ca":%q}}}`, host, at("ca.pem", ca)))
	config := filepath.Join(dir, "config.json")
	s := open(t, "", WithCredentials(config), WithSettings(settings))
	logins, err := OpenLogins(LoginsOptions{Config: config, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	name := host + "/box:v1"
	made, err := s.Import(t.Context(), bytes.NewReader(registrytest.Tar(t, "file", "text")), ImportOptions{Ref: name, Platform: "linux/amd64"})
	if err != nil {
		t.Fatal(err)
	}
	denied := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, vzcontract.ErrDenied) || !strings.Contains(err.Error(), "vz login "+host) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v, want a denial that tells how to log in", what, err)
		}
	}
	push := func() error { _, err := s.Push(t.Context(), name, PushOptions{}); return err }
	denied("push without a login", push())
	denied("login with a wrong password", logins.Login(t.Context(), host, "joe", "close sesame"))
	denied("login of nobody", logins.Login(t.Context(), host, "ann", "open sesame"))
	if err := logins.Login(t.Context(), host, "joe", "open sesame"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(config); err != nil || !strings.Contains(string(got), base64.StdEncoding.EncodeToString([]byte("joe:open sesame"))) {
		t.Errorf("the file of credentials has %q, %v", got, err)
	}
	if err := push(); err != nil {
		t.Fatal(err)
	}
	other := open(t, "", WithCredentials(config), WithSettings(settings))
	if got := pullOf(t, other, name); got.ID != made.ID {
		t.Errorf("pull = %s, want %s", got.ID, made.ID)
	}
	if found, err := logins.Logout(t.Context(), host); err != nil || !found {
		t.Errorf("logout = %v, %v", found, err)
	}
	_, err = open(t, "", WithCredentials(config), WithSettings(settings)).PullImage(t.Context(), name, vzcontract.PullOptions{Policy: vzcontract.PullAlways})
	denied("pull after the logout", err)
	_, err = open(t, "", WithCredentials(config)).PullImage(t.Context(), name, vzcontract.PullOptions{})
	if err == nil || !strings.Contains(err.Error(), "certificate") || !strings.Contains(err.Error(), "registries.json") {
		t.Errorf("pull without the authority: %v, want what to do about the certificate", err)
	}
}

// certificates makes an authority and a server on loopback that has its certificate, in
// PEM.
func certificates(t *testing.T) (ca, cert, key string) {
	t.Helper()
	issue := func(c, parent *x509.Certificate, signer *ecdsa.PrivateKey) (der []byte, key *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if signer == nil {
			signer = key
		}
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if der, err = x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer); err != nil {
			t.Fatal(err)
		}
		return der, key
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootDER, rootKey := issue(root, root, nil)
	der, serverKey := issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "registry"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, root, rootKey)
	keyDER, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return block("CERTIFICATE", rootDER), block("CERTIFICATE", der), block("PRIVATE KEY", keyDER)
}
