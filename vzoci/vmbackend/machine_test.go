//go:build linux || darwin

package vmbackend_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	corefake "vz.internal/vzcore/fake"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/agenttest"
	"vz.internal/vzoci/vmbackend"
	"vz.internal/vzoci/vmbackend/owner"
)

// A driver opens machines in memory. Each has the real agent, whose containers are
// simulated and lie below dir.
type driver struct {
	corefake.Driver
	dir string
	// step, if not nil, is called at each step of a machine and may fail it.
	step  func(g *guest, step string) error
	steps []string // that it has taken
}

// Open implements vzcore.Driver.
func (d *driver) Open(cfg config.Config, dir string) (vzcore.Machine, error) {
	state, err := d.state(cfg.Disks[0].Path)
	if err != nil {
		return nil, err
	}
	b, err := fake.Open(state)
	if err != nil {
		return nil, err
	}
	g := &guest{backend: b, driver: d}
	hypervisor := &corefake.Driver{Hook: g.hook, Guest: func(_ uint32, conn vzcore.Conn) { g.agent.Serve(conn) }}
	m, err := hypervisor.Open(cfg, dir)
	if err != nil {
		return nil, err
	}
	inner := m.(*corefake.Machine)
	g.agent = agenttest.Start(b, func() { inner.Exit(nil) })
	return &machine{Machine: inner, guest: g}, nil
}

// state returns the directory of the guest's containers, which stands for what the disk
// holds: it is written there, so that a copy of the disk leads to a copy of it.
func (d *driver) state(disk string) (string, error) {
	name := filepath.Base(filepath.Dir(disk))
	dir := filepath.Join(d.dir, name)
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) { // a snapshot has it
		return dir, os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	was := make([]byte, len(name))
	if _, err := f.ReadAt(was, 0); err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) && was[0] != 0 {
		if err := copyGuest(dir, filepath.Join(d.dir, string(was))); err != nil {
			return "", err
		}
	}
	_, err = f.WriteAt([]byte(name), 0)
	return dir, errors.Join(err, os.MkdirAll(dir, 0o700))
}

// copyGuest copies what a guest keeps. What runs in that guest does not run in another.
func copyGuest(to, from string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // one that was about to be renamed
		}
		if err != nil {
			return err
		}
		text = bytes.ReplaceAll(text, []byte(from), []byte(to)) // such as who runs a container
		if err := os.WriteFile(filepath.Join(to, f.Name()), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// A machine stops its guest with it.
type machine struct {
	*corefake.Machine
	guest *guest
}

// Close implements vzcore.Machine.
func (m *machine) Close() error {
	err := m.Machine.Close()
	m.guest.off()
	return err
}

type guest struct {
	driver  *driver
	backend *fake.Backend
	agent   *agenttest.Guest
	once    sync.Once
}

func (g *guest) hook(_ context.Context, step string) error {
	if step == "stop" {
		g.off()
	}
	if g.driver.step != nil {
		return g.driver.step(g, step)
	}
	return nil
}

func (g *guest) off() {
	g.once.Do(func() {
		g.agent.Stop()
		ctx := context.Background()
		if all, err := g.backend.List(ctx); err == nil {
			for _, c := range all { // as the end of a guest ends them
				if g.backend.Stop(ctx, c.ID, vzcontract.StopOptions{Signal: "KILL"}) == nil {
					_, _ = g.backend.Wait(ctx, c.ID, vzcontract.WaitNotRunning)
				}
			}
		}
		_ = g.backend.Close()
	})
}

// store has one image, whose layer nobody looks at.
type store struct{ dir string }

// RootFS implements vzcontract.RootFSProvider.
func (s store) RootFS(_ context.Context, req vzcontract.RootFSRequest) (vzcontract.RootFS, error) {
	if req.Ref != fake.Builtin {
		return vzcontract.RootFS{}, vzcontract.Errorf(vzcontract.ErrNotFound, "image %s: not found", req.Ref)
	}
	return vzcontract.RootFS{Layers: []string{s.dir}}, nil
}

// ReleaseRootFS implements vzcontract.RootFSProvider.
func (store) ReleaseRootFS(context.Context, string) error { return nil }

// bundle returns a directory that looks like what a guest boots from.
func bundle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	v := vzlinux.BundleVersion{
		Arch: "x86_64", MinRevision: agentproto.MinRevision, MaxRevision: agentproto.MaxRevision,
		Capabilities: []string{agentproto.CapabilityInit, agentproto.CapabilityContainers}, SHA256: map[string]string{},
	}
	for _, name := range []string{vzlinux.KernelFile("x86_64"), vzlinux.InitramfsFile} {
		write(t, filepath.Join(dir, name), []byte(name))
		sum := sha256.Sum256([]byte(name))
		v.SHA256[name] = hex.EncodeToString(sum[:])
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, vzlinux.VersionFile), text)
	return dir
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// format makes a disk as owner.MakeDisk does, but for the file system.
func format(_ context.Context, path string, _ int64) error {
	return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 64<<30))
}

// open returns a backend whose machines are run by goroutines of the test, with what
// change makes of their options.
func open(t *testing.T, change ...func(*owner.Options)) *vmbackend.Backend {
	t.Helper()
	run, err := os.MkdirTemp("", "vz") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	disks, err := os.MkdirTemp("", "vz")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	life, end := context.WithCancel(context.Background())
	var owners sync.WaitGroup
	b, err := vmbackend.Open(vmbackend.Options{
		Home: home, Run: run, Images: store{t.TempDir()}, Bundle: bundle(t),
		Launch: func(ctx context.Context, machine string) error {
			ready := make(chan error, 2)
			owners.Go(func() {
				opts := owner.Options{
					Home: home, Run: run, Machine: machine, Driver: &driver{dir: disks}, Arch: "x86_64",
					Ready: func() { ready <- nil }, Idle: 50 * time.Millisecond, Format: format,
				}
				for _, f := range change {
					f(&opts)
				}
				ready <- owner.Run(life, opts)
			})
			select {
			case err := <-ready:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		owners.Wait()
		if err := os.RemoveAll(run); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(disks) // simulated programs may still write there
	})
	return b
}
