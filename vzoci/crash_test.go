package vzoci

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

// Several processes that pull one image fetch each blob once.
func TestProcesses(t *testing.T) {
	r := registrytest.New(t)
	img := r.AddImage(t, "a", "v1", registrytest.ImageOptions{},
		registrytest.Plain(registrytest.Tar(t, "big", strings.Repeat("q", 2<<20))), registrytest.Gzip(t, registrytest.Tar(t, "one", "1")))
	dir := t.TempDir()
	var cmds []*exec.Cmd
	for range 4 {
		cmd := child(t, dir, r.Host()+"/a:v1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	for _, l := range img.Layers {
		if n := len(r.Requests("/blobs/" + l.Digest.String())); n != 1 {
			t.Errorf("layer %s was asked for %d times", l.Digest, n)
		}
	}
	s := open(t, dir)
	intact(t, s)
	if n := count(t, s, "layers"); n != 2 {
		t.Errorf("%d layers, want 2", n)
	}
}

// A pull that is killed loses nothing that had arrived, holds up nobody, and
// what it leaves is found.
func TestKilled(t *testing.T) {
	r := registrytest.New(t)
	contents := strings.Repeat("0123456789abcdef", 256<<10)
	img := r.AddImage(t, "a", "v1", registrytest.ImageOptions{}, registrytest.Plain(registrytest.Tar(t, "big", contents)))
	layer := registrytest.Path("GET", "/blobs/"+img.Layers[0].Digest.String())
	dir := t.TempDir()
	reached, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	r.Inject(layer, 1, registrytest.Hold(3<<20, reached, release))
	cmd := child(t, dir, r.Host()+"/a:v1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	s := open(t, dir)
	partial := filepath.Join(dir, "partial", img.Layers[0].Digest.Hex)
	for { // what was sent is on its way to the disk
		if info, err := os.Stat(partial); err == nil && info.Size() >= 2<<20 {
			break
		}
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if lines, err := s.Verify(t.Context()); err != nil || len(lines) != 1 || !strings.Contains(lines[0], "killed process") {
		t.Errorf("Verify = %q, %v, want the session", lines, err)
	}
	r.Forget()
	pullOf(t, s, r.Host()+"/a:v1")
	asked := r.Requests("/blobs/" + img.Layers[0].Digest.String())
	if len(asked) != 1 || asked[0].Range == "" || asked[0].Range == "bytes=0-" {
		t.Errorf("requests after the kill: %+v, want one with a range", asked)
	}
	root, err := s.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: r.Host() + "/a:v1", Owner: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(root.Layers[0], "big")); err != nil || string(got) != contents {
		t.Errorf("big: %d bytes, %v", len(got), err)
	}
	if done, err := s.Repair(t.Context()); err != nil || len(done) != 1 {
		t.Errorf("Repair = %q, %v", done, err)
	}
	intact(t, s)
	if n := count(t, s, "sessions"); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// Wherever a pull is killed, what is in the store then is whole, and the next
// pull comes to its end.
func TestKilledAnywhere(t *testing.T) {
	r := registrytest.New(t)
	r.AddImage(t, "a", "v1", registrytest.ImageOptions{},
		registrytest.Gzip(t, registrytest.Tar(t, "one", strings.Repeat("1", 1<<20))), registrytest.Plain(registrytest.Tar(t, "two", "2")))
	dir := t.TempDir()
	s := open(t, dir)
	for n := range 8 {
		reached, release := make(chan struct{}), make(chan struct{})
		seen := 0
		r.Inject(func(*http.Request) bool { seen++; return seen == n+1 }, 1, func(w http.ResponseWriter, q *http.Request, next http.Handler) {
			close(reached)
			<-release
			next.ServeHTTP(w, q)
		})
		cmd := child(t, dir, r.Host()+"/a:v1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-reached:
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-ended
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		}
		close(release)
		r.Heal()
		lines, err := s.Verify(t.Context())
		if err != nil || slices.ContainsFunc(lines, func(l string) bool { return !strings.Contains(l, "killed process") }) {
			t.Errorf("killed at request %d: Verify = %q, %v", n, lines, err)
		}
	}
	pullOf(t, s, r.Host()+"/a:v1")
	if _, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{}); err != nil {
		t.Error(err)
	}
	intact(t, s)
}

func TestDamagedBlob(t *testing.T) {
	r := registrytest.New(t)
	img := addImage(t, r, "a", "v1", "x")
	s := open(t, "")
	pullOf(t, s, r.Host()+"/a:v1")
	blob := filepath.Join(s.store.Dir(), "blobs/sha256", img.Layers[0].Digest.Hex)
	for name, damage := range map[string]func() error{
		"other bytes": func() error { return os.WriteFile(blob, []byte("other"), 0o600) },
		"gone":        func() error { return os.Remove(blob) },
		"all gone": func() error {
			return errors.Join(os.Remove(blob), os.RemoveAll(filepath.Join(s.store.Dir(), "layers", img.DiffIDs[0].Hex)))
		},
		"config": func() error {
			return os.WriteFile(filepath.Join(filepath.Dir(blob), img.Config.Digest.Hex), nil, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			lines, err := s.Verify(t.Context())
			if err != nil || len(lines) == 0 || !strings.Contains(strings.Join(lines, "\n"), "/blobs/sha256/") {
				t.Errorf("Verify = %q, %v, want the blob", lines, err)
			}
			if err := s.Save(t.Context(), &bytes.Buffer{}, []string{r.Host() + "/a:v1"}, SaveOptions{}); err == nil {
				t.Error("a damaged image was saved")
			}
			if done, err := s.Repair(t.Context()); err != nil || len(done) == 0 {
				t.Errorf("Repair = %q, %v", done, err)
			}
			intact(t, s)
			if err := s.Save(t.Context(), &bytes.Buffer{}, []string{r.Host() + "/a:v1"}, SaveOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	if err := os.WriteFile(blob, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := s.Repair(t.Context()); !errors.Is(err, vzcontract.ErrUnavailable) {
		t.Errorf("Repair without the registry: %v", err)
	}
}

// While a lease is damaged its container may use any image: none goes, and the
// rest works.
func TestTornLease(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "x")
	s := open(t, "")
	name := r.Host() + "/a:v1"
	id := pullOf(t, s, name).ID
	lease := filepath.Join(s.store.Dir(), "leases", "box.json")
	if err := os.WriteFile(lease, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if report, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{All: true}); err != nil || len(report.Removed) > 0 || report.Freed != 0 {
		t.Errorf("prune = %+v, %v", report, err)
	}
	if _, err := s.RemoveImage(t.Context(), name, vzcontract.RemoveImageOptions{}); !errors.Is(err, vzcontract.ErrConflict) || !strings.Contains(err.Error(), "container box") {
		t.Errorf("remove: %v, want a conflict that names the container", err)
	}
	if u, err := s.DiskUsage(t.Context()); err != nil || u.Active != 1 || u.Reclaimable != 0 {
		t.Errorf("usage = %+v, %v", u, err)
	}
	if _, err := s.RemoveImage(t.Context(), name, vzcontract.RemoveImageOptions{Force: true}); err != nil {
		t.Errorf("remove with force: %v", err)
	}
	if _, err := s.InspectImage(t.Context(), id); err != nil || count(t, s, "layers") != 1 {
		t.Errorf("the image that may be in use: %v", err)
	}
	done, err := s.Repair(t.Context())
	if err != nil || !slices.ContainsFunc(done, func(line string) bool { return strings.HasPrefix(line, lease) }) {
		t.Errorf("Repair = %q, %v", done, err)
	}
	if _, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{All: true}); err != nil || count(t, s, "layers") != 0 {
		t.Errorf("prune after the repair: %v", err)
	}
}

// A torn record, or what is in its place, is named, stops what cannot be sure without
// it, and is moved aside; an image's is made again.
func TestTornRecords(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "x")
	tear := func(path string) error { return os.Truncate(path, 20) }
	pipe := func(path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)) }
	for _, tt := range []struct {
		dir    string
		damage func(path string) error
	}{{"refs", tear}, {"images", tear}, {"refs", pipe}, {"images", pipe}} {
		dir := tt.dir
		t.Run(dir, func(t *testing.T) {
			s := open(t, "")
			pullOf(t, s, r.Host()+"/a:v1")
			all, err := filepath.Glob(filepath.Join(s.store.Dir(), dir, "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range all {
				if err := tt.damage(path); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{All: true}); err == nil || !strings.Contains(err.Error(), "vz doctor --repair") {
				t.Errorf("prune: %v, want a refusal", err)
			}
			if count(t, s, "layers") != 1 {
				t.Fatal("prune removed a layer")
			}
			if lines, err := s.Verify(t.Context()); err != nil || len(lines) < len(all) || !strings.HasPrefix(lines[0], s.store.Dir()) {
				t.Errorf("Verify = %q, %v", lines, err)
			}
			done, err := s.Repair(t.Context())
			if err != nil || len(done) < len(all) {
				t.Errorf("Repair = %q, %v", done, err)
			}
			intact(t, s)
			list, err := s.ListImages(t.Context())
			if err != nil || len(list) != 1 || (dir == "images") != (len(list[0].References) == 1) {
				t.Errorf("list = %+v, %v", list, err)
			}
			pullOf(t, s, r.Host()+"/a:v1")
		})
	}
}

func TestUnknownFiles(t *testing.T) {
	s := open(t, "")
	for _, name := range []string{"notes", "refs/notes", "layers/x", "blobs/sha256/x", "partial/x"} {
		if err := os.WriteFile(filepath.Join(s.store.Dir(), name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if lines, err := s.Verify(t.Context()); err != nil || len(lines) != 5 {
		t.Errorf("Verify = %q, %v, want all five", lines, err)
	}
	if _, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{All: true}); err != nil {
		t.Error(err)
	}
	if done, err := s.Repair(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("Repair = %q, %v", done, err)
	}
	if _, err := os.Stat(filepath.Join(s.store.Dir(), "layers/x")); err != nil {
		t.Error(err)
	}
}
