package vzoci

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/registrytest"
)

// childVariable makes the test binary pull an image instead: "DIR REF".
const childVariable = "VZOCI_TEST_PULL"

func TestMain(m *testing.M) {
	if job := os.Getenv(childVariable); job != "" {
		dir, ref, _ := strings.Cut(job, " ")
		s, err := Open(dir, withTestUnpacker, WithCredentials(filepath.Join(dir, "no-credentials")))
		if err == nil {
			_, err = s.PullImage(context.Background(), ref, vzcontract.PullOptions{Platform: "linux/amd64"})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child returns a process of this test that pulls ref.
func child(t *testing.T, dir, ref string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir+" "+ref)
	cmd.Stderr = os.Stderr
	return cmd
}

// open returns a store in dir; "" is a fresh one.
func open(t testing.TB, dir string, opts ...Option) *Store {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	opts = append([]Option{withTestUnpacker, WithCredentials(filepath.Join(t.TempDir(), "config.json"))}, opts...)
	s, err := Open(dir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pullOf pulls ref for the platform that registrytest makes images for.
func pullOf(t testing.TB, s *Store, ref string) vzcontract.ImageInfo {
	t.Helper()
	info, err := s.PullImage(t.Context(), ref, vzcontract.PullOptions{Policy: vzcontract.PullAlways, Platform: "linux/amd64"})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// addImage stores an image of one layer with one file.
func addImage(t testing.TB, r *registrytest.Server, repository, tag, contents string, labels ...string) registrytest.Image {
	t.Helper()
	opts := registrytest.ImageOptions{Config: v1.Config{Cmd: []string{"sh"}, Labels: map[string]string{}}}
	for _, l := range labels {
		opts.Config.Labels[l] = "yes"
	}
	return r.AddImage(t, repository, tag, opts, registrytest.Gzip(t, registrytest.Tar(t, "file", contents)))
}

// intact fails the test if the store finds fault with itself.
func intact(t testing.TB, s *Store) {
	t.Helper()
	lines, err := s.Verify(t.Context())
	if err != nil || len(lines) > 0 {
		t.Errorf("Verify = %q, %v, want nothing", lines, err)
	}
}

// count returns how many entries a directory of the store has.
func count(t testing.TB, s *Store, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.store.Dir(), dir))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// withTestUnpacker is for systems that the real unpacker is not for: it unpacks
// files only.
func withTestUnpacker(c *config) {
	if runtime.GOOS == "linux" {
		return
	}
	c.unpack = func(*store.Store) pull.Unpacker { return untar }
}

func untar(ctx context.Context, dir string, r io.Reader, _ []v1.Hash) (size int64, err error) {
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return size, ctx.Err()
		}
		if err != nil {
			return 0, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return 0, err
		}
		name := filepath.Join(dir, filepath.Clean("/"+h.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return 0, err
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return 0, err
		}
		size += int64(len(data))
	}
}
