package vzcore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// ErrDamaged is matched when a saved file is not what was written.
var ErrDamaged = errors.New("the saved state is damaged")

const (
	manifestFile    = "manifest.json"
	manifestVersion = 1
)

// A Manifest says what a saved machine is, so that only an equal one is restored
// from it.
type Manifest struct {
	Version       int                  `json:"version"`
	Time          time.Time            `json:"time"`
	Driver        string               `json:"driver"`
	DriverVersion string               `json:"driver_version"`
	Config        config.Config        `json:"config"`
	Kernel        string               `json:"kernel,omitempty"` // sha256
	Initramfs     string               `json:"initramfs,omitempty"`
	Extra         map[string]string    `json:"extra,omitempty"`
	Files         map[string]SavedFile `json:"files"`
}

// A SavedFile is one that the driver has written.
type SavedFile struct {
	Size  int64  `json:"size"`
	Check uint32 `json:"crc32c"`
}

// ReadManifest reads what Save wrote to dir.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%w: parse %s: %v", ErrDamaged, filepath.Join(dir, manifestFile), err)
	}
	if m.Version != manifestVersion {
		return m, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s has version %d, this vz reads version %d", filepath.Join(dir, manifestFile), m.Version, manifestVersion)
	}
	return m, nil
}

func (vm *VM) manifest(ctx context.Context) (Manifest, error) {
	m := Manifest{Version: manifestVersion, Time: time.Now().UTC(), Driver: vm.driver.Name(), Config: vm.config, Files: map[string]SavedFile{}}
	var err error
	if m.DriverVersion, err = vm.driver.Version(ctx); err != nil {
		return m, err
	}
	if m.Kernel, err = digest(vm.config.Boot.Kernel); err != nil {
		return m, err
	}
	m.Initramfs, err = digest(vm.config.Boot.Initramfs)
	return m, err
}

func (vm *VM) save(ctx context.Context, saver Saver, dir string, extra map[string]string) (err error) {
	m, err := vm.manifest(ctx)
	if err != nil {
		return err
	}
	m.Extra = extra
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := saver.Save(ctx, dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if m.Files[e.Name()], err = checksum(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	next := filepath.Join(dir, manifestFile+".new")
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(dir, manifestFile))
}

// check compares the saved machine in dir with this one and its files with what
// was written.
func (vm *VM) check(ctx context.Context, dir string) error {
	saved, err := ReadManifest(dir)
	if err != nil {
		return err
	}
	ours, err := vm.manifest(ctx)
	if err != nil {
		return err
	}
	if differ := differences(saved, ours); len(differ) > 0 {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the saved machine differs: %s", strings.Join(differ, "; "))
	}
	for name, want := range saved.Files {
		if name != filepath.Base(name) {
			return fmt.Errorf("%w: a file called %q", ErrDamaged, name)
		}
		got, err := checksum(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("%w: %v", ErrDamaged, err)
		}
		if got != want {
			return fmt.Errorf("%w: %s has %d bytes with the checksum %08x, written were %d with %08x",
				ErrDamaged, filepath.Join(dir, name), got.Size, got.Check, want.Size, want.Check)
		}
	}
	return nil
}

// differences names what of two machines is not equal. Where files lie, and what
// the network's ports are, does not matter to a guest.
func differences(saved, ours Manifest) []string {
	var out []string
	compare := func(name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			out = append(out, fmt.Sprintf("%s was %v, is %v", name, a, b))
		}
	}
	a, b := saved.Config.Clone(), ours.Config.Clone()
	compare("driver", saved.Driver, ours.Driver)
	compare("driver version", saved.DriverVersion, ours.DriverVersion)
	compare("cpus", a.CPUs, b.CPUs)
	compare("memory", a.Memory, b.Memory)
	compare("boot", a.Boot.Kind, b.Boot.Kind)
	compare("command line", a.Boot.CommandLine, b.Boot.CommandLine)
	compare("kernel", saved.Kernel, ours.Kernel)
	compare("initramfs", saved.Initramfs, ours.Initramfs)
	compare("platform", a.Platform, b.Platform)
	compare("disks", diskNames(a.Disks), diskNames(b.Disks))
	compare("network", a.Network.Kind, b.Network.Kind)
	compare("MAC", a.Network.MAC, b.Network.MAC)
	compare("context id", a.Vsock.CID, b.Vsock.CID)
	compare("balloon", a.Balloon, b.Balloon)
	compare("display", a.Display, b.Display)
	compare("rosetta", a.Rosetta, b.Rosetta)
	compare("nested virtualisation", a.Nested, b.Nested)
	return out
}

func diskNames(disks []config.Disk) []string {
	names := []string{}
	for _, d := range disks {
		names = append(names, fmt.Sprintf("%s(read-only %v)", d.ID, d.ReadOnly))
	}
	return slices.Clip(names)
}

func digest(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// checksum finds damage, not malice: who can write the file can write the manifest.
func checksum(path string) (SavedFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return SavedFile{}, err
	}
	defer f.Close()
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	n, err := io.CopyBuffer(h, f, make([]byte, 1<<20))
	return SavedFile{Size: n, Check: h.Sum32()}, err
}
