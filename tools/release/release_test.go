package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// built makes what a build leaves, for one system, with a program that was
// really compiled.
func built(t *testing.T) *release {
	t.Helper()
	root, in := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"go.work": "go 1.26.0\n\nuse ./m\n", "m/go.mod": "module x.internal/m\n\ngo 1.26.0\n", "m/main.go": "// Command m does nothing.\npackage main\n\nfunc main() {}\n",
		"README.md": "readme", "CHANGELOG.md": "changes", "SECURITY.md": "security", "LICENSE": "license",
		"packaging/vz-resume.service": "[Unit]\n", "demo/demo.sh": "#!/bin/sh\n",
		"packaging/deb/postinst": "#!/bin/sh\n", "packaging/deb/prerm": "#!/bin/sh\n", "packaging/deb/postrm": "#!/bin/sh\n",
	} {
		put(t, filepath.Join(root, name), text)
	}
	put(t, filepath.Join(in, "share", "man", "man1", "vz.1"), ".TH VZ 1\n")
	for _, program := range []string{"vz", "vz-monitor"} {
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(in, "linux_amd64", program), ".")
		cmd.Dir = filepath.Join(root, "m")
		cmd.Env = append(os.Environ(), "GOWORK=", "GOFLAGS=", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return &release{version: "1.2.3", time: time.Unix(1700000000, 0).UTC(), root: root, in: in, out: filepath.Join(t.TempDir(), "dist")}
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // a test's
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSameInputSameDigests(t *testing.T) {
	r := built(t)
	if err := run(r, r.time.Unix()); err != nil {
		t.Fatal(err)
	}
	first := read(t, r.out, "SHA256SUMS")
	for _, name := range []string{"vz_1.2.3_linux_amd64.tar.gz", "vz_1.2.3_linux_amd64.cdx.json", "vz_1.2.3_amd64.deb"} {
		if !strings.Contains(string(first), "  "+name+"\n") {
			t.Errorf("SHA256SUMS lacks %s:\n%s", name, first)
		}
	}
	// Neither the times nor the modes of what was built matter, nor who packs where.
	err := filepath.WalkDir(r.in, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return errors.Join(os.Chtimes(p, time.Unix(1, 0), time.Unix(1, 0)), os.Chmod(p, 0o640)) //nolint:gosec // a test's
	})
	if err != nil {
		t.Fatal(err)
	}
	r.out = filepath.Join(t.TempDir(), "elsewhere")
	if err := run(r, r.time.Unix()); err != nil {
		t.Fatal(err)
	}
	if second := read(t, r.out, "SHA256SUMS"); !bytes.Equal(first, second) {
		t.Errorf("digests differ:\n%s\n%s", first, second)
	}
	// What was built does.
	put(t, filepath.Join(r.in, "share", "man", "man1", "vz.1"), ".TH VZ 1 other\n")
	if err := run(r, r.time.Unix()); err != nil {
		t.Fatal(err)
	}
	if third := read(t, r.out, "SHA256SUMS"); bytes.Equal(first, third) {
		t.Error("another manual page gives the same digests")
	}
}

func TestArchiveHoldsLinksAndModes(t *testing.T) {
	r := built(t)
	if err := run(r, r.time.Unix()); err != nil {
		t.Fatal(err)
	}
	zipped, err := gzip.NewReader(bytes.NewReader(read(t, r.out, "vz_1.2.3_linux_amd64.tar.gz")))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*tar.Header{}
	for in := tar.NewReader(zipped); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(h.Name, "vz_1.2.3_linux_amd64/")] = h
		if !h.ModTime.Equal(r.time) || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s has time %v, user %d %q", h.Name, h.ModTime, h.Uid, h.Uname)
		}
	}
	if h := found["bin/vz"]; h == nil || h.Linkname != "../libexec/vz/vz" {
		t.Errorf("bin/vz = %+v, want a link to libexec/vz/vz", h)
	}
	if found["bin/vz-monitor"] != nil {
		t.Error("vz-monitor is on the PATH")
	}
	if h := found["libexec/vz/vz-monitor"]; h == nil || h.Mode != 0o755 {
		t.Errorf("libexec/vz/vz-monitor = %+v, want mode 0755", h)
	}
	for _, name := range []string{"share/man/man1/vz.1", "share/doc/vz/THIRD-PARTY-LICENSES", "lib/systemd/system/vz-resume.service"} {
		if found[name] == nil {
			t.Errorf("the archive lacks %s", name)
		}
	}
}

func TestBillOfMaterial(t *testing.T) {
	r := built(t)
	put(t, filepath.Join(r.in, "linux_amd64", "vz-empty"), "no program")
	if err := run(r, r.time.Unix()); err == nil {
		t.Error("a file that is no Go program was packed")
	}
	if err := os.Remove(filepath.Join(r.in, "linux_amd64", "vz-empty")); err != nil {
		t.Fatal(err)
	}
	if err := run(r, r.time.Unix()); err != nil {
		t.Fatal(err)
	}
	var doc cyclonedx.BOM
	if err := json.Unmarshal(read(t, r.out, "vz_1.2.3_linux_amd64.cdx.json"), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Metadata.Component.Version != "1.2.3" || len(*doc.Components) != 1 || (*doc.Components)[0].Name != "std" {
		t.Errorf("bill = %+v, components %+v", doc.Metadata.Component, *doc.Components)
	}
}

func TestPartWithoutLicense(t *testing.T) {
	_, err := licenseText([]part{{name: "example.org/x", version: "v1.0.0"}}, map[string]string{"example.org/x": t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "example.org/x v1.0.0 has no license file") {
		t.Errorf("a part without a license gives %v", err)
	}
}

func TestComponentOfModule(t *testing.T) {
	r := &release{version: "1.2.3"}
	c := component(r, target{"linux", "arm64"}, part{name: "x.internal/m", version: "(devel)", kind: ownModule})
	if c.PackageURL != "pkg:golang/x.internal/m@v1.2.3" {
		t.Errorf("own module = %q", c.PackageURL)
	}
	c = component(r, target{"linux", "arm64"}, part{name: "libc6-dev", version: "2.36-9+deb12u1", kind: cLibrary})
	if c.PackageURL != "pkg:deb/debian/libc6-dev@2.36-9%2Bdeb12u1?arch=arm64" {
		t.Errorf("C library = %q", c.PackageURL)
	}
	c = component(r, target{"linux", "arm64"}, part{name: "example.org/x", version: "v1.0.0", sum: "h1:" + strings.Repeat("A", 43) + "="})
	if c.Hashes == nil || (*c.Hashes)[0].Value != strings.Repeat("0", 64) {
		t.Errorf("hashes = %+v", c.Hashes)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, version := range []string{"", "1", "v1.2.3", "1.2", "1.2.3 x"} {
		if err := run(&release{version: version, in: t.TempDir()}, 1); err == nil || !strings.Contains(err.Error(), "want three numbers") {
			t.Errorf("version %q gives %v", version, err)
		}
	}
	if err := run(&release{version: "1.2.3", in: t.TempDir()}, 1); err == nil || !strings.Contains(err.Error(), "no directory of a system") {
		t.Errorf("an empty input gives %v", err)
	}
}
