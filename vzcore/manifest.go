package vzcore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/internal/sparse"
)

// ErrDamaged is matched when a saved file is not what was written.
var ErrDamaged = errors.New("the saved state is damaged")

const (
	manifestFile    = "manifest.json"
	manifestVersion = 2
)

// A Manifest says what a saved machine is, so that only an equal one is restored
// from it.
type Manifest struct {
	Version       int                  `json:"version"`
	Time          time.Time            `json:"time"`
	Driver        string               `json:"driver"`
	DriverVersion string               `json:"driver_version"`
	Config        config.Config        `json:"config"`
	Facts         map[string]string    `json:"facts,omitempty"`  // of the driver's, see Describer
	Kernel        string               `json:"kernel,omitempty"` // sha256
	Initramfs     string               `json:"initramfs,omitempty"`
	DiskSizes     []int64              `json:"disk_sizes,omitempty"` // as the configuration's disks
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
	text, err := statefile.Read(filepath.Join(dir, manifestFile))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%w: parse %s: %v", ErrDamaged, filepath.Join(dir, manifestFile), err)
	}
	if m.Version != manifestVersion {
		return m, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s has version %d, this vz reads version %d: save the machine anew", filepath.Join(dir, manifestFile), m.Version, manifestVersion)
	}
	return m, nil
}

func (vm *VM) manifest(ctx context.Context) (Manifest, error) {
	m := Manifest{Version: manifestVersion, Time: time.Now().UTC(), Driver: vm.driver.Name(), Config: vm.config, Files: map[string]SavedFile{}}
	work := []func() error{
		func() (err error) {
			m.DriverVersion, err = vm.driver.Version(ctx)
			return err
		},
		func() (err error) {
			m.Kernel, err = digest(vm.config.Boot.Kernel, vm.config.Boot.KernelSHA256)
			return err
		},
		func() (err error) {
			m.Initramfs, err = digest(vm.config.Boot.Initramfs, vm.config.Boot.InitramfsSHA256)
			return err
		},
		func() (err error) {
			m.DiskSizes, err = sizes(vm.config.Disks)
			return err
		},
	}
	if d, ok := vm.machine.(Describer); ok {
		work = append(work, func() (err error) {
			m.Facts, err = d.Facts(ctx)
			return err
		})
	}
	return m, together(work)
}

// together does all of work at once.
func together(work []func() error) error {
	errs := make([]error, len(work))
	var all sync.WaitGroup
	for i, do := range work {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	return errors.Join(errs...)
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
	for _, d := range vm.config.Disks {
		if d.Saved { // nobody writes to it: the machine stands still
			if err := CopyDisk(ctx, savedDisk(dir, d), d.Path); err != nil {
				return fmt.Errorf("save disk %s: %w", d.ID, err)
			}
		}
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

// restore compares the saved machine in dir with this one and its files with what was
// written, and starts it. It does not run yet, so what takes longest is looked at
// meanwhile; but disks are replaced only by what was found good.
func (vm *VM) restore(ctx context.Context, saver Saver, dir string) (<-chan error, error) {
	saved, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	meanwhile := []func() error{func() error { return vm.same(ctx, saved) }}
	var before []func() error
	if slices.ContainsFunc(vm.config.Disks, func(d config.Disk) bool { return d.Saved }) {
		before, meanwhile = meanwhile, nil
	}
	for name, want := range saved.Files {
		check := func() error { return undamaged(dir, name, want) }
		if strings.HasPrefix(name, savedDiskPrefix) {
			before = append(before, check)
		} else {
			meanwhile = append(meanwhile, check)
		}
	}
	if err := errors.Join(together(before), ctx.Err()); err != nil {
		return nil, err
	}
	if err := vm.restoreDisks(ctx, dir); err != nil {
		return nil, err
	}
	checked := make(chan error, 1)
	go func() { checked <- together(meanwhile) }()
	exited, err := saver.Restore(ctx, dir)
	wrong := <-checked
	switch {
	case wrong == nil:
		return exited, err
	case err != nil: // because of what is wrong
		return nil, wrong
	}
	return nil, errors.Join(wrong, vm.machine.Stop(context.WithoutCancel(ctx)))
}

// same compares a saved machine with this one.
func (vm *VM) same(ctx context.Context, saved Manifest) error {
	ours, err := vm.manifest(ctx)
	if err != nil {
		return err
	}
	if differ := differences(saved, ours); len(differ) > 0 {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the saved machine differs: %s", strings.Join(differ, "; "))
	}
	return nil
}

// undamaged compares a file of a saved machine with what was written.
func undamaged(dir, name string, want SavedFile) error {
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
	return nil
}

// Manifest says what the machine is, as Save would. It reads what is to boot.
func (vm *VM) Manifest(ctx context.Context) (Manifest, error) { return vm.manifest(ctx) }

// sizes returns how many bytes each disk has.
func sizes(disks []config.Disk) ([]int64, error) {
	var all []int64
	for _, d := range disks {
		if d.Saved { // that of the save
			all = append(all, 0)
			continue
		}
		f, err := os.Open(d.Path)
		if err != nil {
			return nil, err
		}
		size, err := f.Seek(0, io.SeekEnd) // a device says nothing by its status
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		all = append(all, size)
	}
	return all, nil
}

// checksum finds damage, not malice: who can write the file can write the manifest.
func checksum(path string) (SavedFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return SavedFile{}, err
	}
	defer f.Close()
	size, sum, err := sparse.Checksum(f)
	return SavedFile{Size: size, Check: sum}, err
}

// savedDiskPrefix begins the names of saved disks, after which comes the disk's.
const savedDiskPrefix = "disk-"

func savedDisk(dir string, d config.Disk) string { return filepath.Join(dir, savedDiskPrefix+d.ID) }

// restoreDisks makes the disks anew that were saved to dir.
func (vm *VM) restoreDisks(ctx context.Context, dir string) error {
	for _, d := range vm.config.Disks {
		if d.Saved {
			if err := CopyDisk(ctx, d.Path, savedDisk(dir, d)); err != nil {
				return fmt.Errorf("restore disk %s: %w", d.ID, err)
			}
		}
	}
	return nil
}
