package macos

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos/ipsw"
)

// Sizes of disks, in bytes.
const (
	DefaultDisk = 64 * config.GiB
	MinDisk     = 40 * config.GiB // macOS and its updates
	MaxDisk     = 8 << 40
	installed   = 32 * config.GiB // what an installation writes at most
)

// DiskID is the name of a guest's disk in its configuration.
const DiskID = "disk"

// A Spec is what a new guest should be.
type Spec struct {
	Dir      string        // of the guest's files; it is there
	Image    string        // path of the restore image
	Machine  config.Config // processors, memory, network, shares, display
	DiskSize uint64        // bytes
	// Progress, if not nil, gets 0 to 1 while macOS is installed.
	Progress func(float64)
	// Free returns how many bytes can be written below a directory; nil asks the system.
	Free func(dir string) (uint64, error)
}

// A Guest is one that has been installed.
type Guest struct {
	Image   ipsw.Image
	Machine config.Config
}

// At returns the configuration of a guest whose files have been moved to dir.
func (g Guest) At(dir string) config.Config {
	cfg, files := g.Machine.Clone(), Files{dir}
	cfg.Platform.AuxiliaryStorage, cfg.Disks[0].Path = files.Aux(), files.Disk()
	return cfg
}

// Check returns what is wrong with a spec, without looking at the image.
func (s Spec) Check() error {
	if s.DiskSize < MinDisk || s.DiskSize > MaxDisk || s.DiskSize%config.MiB != 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "a disk of %d bytes: want %d GiB to %d TiB, in whole MiB", s.DiskSize, uint64(MinDisk/config.GiB), MaxDisk>>40)
	}
	cfg := s.machine(nil, nil)
	cfg.Platform = config.Platform{HardwareModel: []byte{0}, MachineID: []byte{0}, AuxiliaryStorage: "/aux"}
	cfg.Disks[0].Path = "/disk"
	return cfg.Validate()
}

// machine is the configuration with the guest's identity and files.
func (s Spec) machine(model, id []byte) config.Config {
	cfg, files := s.Machine.Clone(), Files{s.Dir}
	cfg.Boot = config.Boot{Kind: config.BootMacOS}
	cfg.Platform = config.Platform{HardwareModel: model, MachineID: id, AuxiliaryStorage: files.Aux()}
	cfg.Disks = append([]config.Disk{{ID: DiskID, Path: files.Disk()}}, cfg.Disks...)
	if cfg.Display == nil {
		cfg.Display = &config.Display{Width: 1920, Height: 1200, PPI: 80} // macOS does not start without one
	}
	return cfg
}

// Create makes a guest's files and installs macOS on its disk. What it cannot finish it
// removes. Errors match vzcontract.ErrValidation for an image or a size that does not fit,
// ErrConflict for files that are there already, ErrUnavailable for a disk without room,
// and what the framework says.
func Create(ctx context.Context, f Framework, s Spec) (g Guest, err error) {
	if err := s.Check(); err != nil {
		return g, err
	}
	if g.Image, err = ipsw.Open(s.Image); err != nil {
		return g, err
	}
	need, err := f.Requirements(ctx, s.Image)
	if err != nil {
		return g, fmt.Errorf("restore image %s: %w", s.Image, err)
	}
	if err := s.fits(g.Image, need); err != nil {
		return g, err
	}
	files := Files{s.Dir}
	var made []string
	defer func() {
		if err != nil {
			for _, path := range made {
				err = errors.Join(err, os.RemoveAll(path))
			}
		}
	}()
	file := func(path string, fill func(*os.File) error) error {
		out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, os.ErrExist) {
			return vzcontract.Errorf(vzcontract.ErrConflict, "%s is there already", path)
		}
		if err != nil {
			return err
		}
		made = append(made, path)
		return errors.Join(fill(out), out.Close())
	}
	bytes := func(data []byte) func(*os.File) error {
		return func(f *os.File) error {
			_, err := f.Write(data)
			return errors.Join(err, f.Sync())
		}
	}
	if err := file(files.Disk(), func(f *os.File) error { return f.Truncate(int64(s.DiskSize)) }); err != nil { //nolint:gosec // at most MaxDisk
		return g, err
	}
	if err := file(files.HardwareModel(), bytes(need.HardwareModel)); err != nil {
		return g, err
	}
	if _, err := os.Lstat(files.Aux()); err == nil {
		return g, vzcontract.Errorf(vzcontract.ErrConflict, "%s is there already", files.Aux())
	}
	made = append(made, files.Aux())
	id, err := f.Identify(ctx, need.HardwareModel, files.Aux())
	if err != nil {
		return g, fmt.Errorf("make a machine: %w", err)
	}
	if err := file(files.MachineID(), bytes(id)); err != nil {
		return g, err
	}
	g.Machine = s.machine(need.HardwareModel, id)
	if err := g.Machine.Validate(); err != nil {
		return g, err
	}
	progress := s.Progress
	if progress == nil {
		progress = func(float64) {}
	}
	if err := f.Install(ctx, g.Machine, s.Image, progress); err != nil {
		return g, fmt.Errorf("install macOS %s: %w", g.Image.Version, err)
	}
	return g, nil
}

// fits compares a spec with what the image needs.
func (s Spec) fits(img ipsw.Image, need Requirements) error {
	var errs []error
	if s.Machine.CPUs < need.MinCPUs {
		errs = append(errs, vzcontract.Errorf(vzcontract.ErrValidation, "macOS %s needs %d processors at least, not %d", img.Version, need.MinCPUs, s.Machine.CPUs))
	}
	if s.Machine.Memory < need.MinMemory {
		errs = append(errs, vzcontract.Errorf(vzcontract.ErrValidation, "macOS %s needs %d MiB of memory at least, not %d", img.Version, need.MinMemory/config.MiB, s.Machine.Memory/config.MiB))
	}
	if len(need.HardwareModel) == 0 {
		errs = append(errs, vzcontract.Errorf(vzcontract.ErrUnsupported, "macOS %s: the framework names no model of a machine for it", img.Version))
	}
	ask := s.Free
	if ask == nil {
		ask = free
	}
	have, err := ask(s.Dir)
	if err == nil && have < installed {
		err = vzcontract.Errorf(vzcontract.ErrUnavailable, "%s has %.1f GB free, an installation of macOS needs %.1f GB; free some, as with vz vm cache clean, or point VZ_HOME to a larger disk",
			s.Dir, float64(have)/1e9, float64(installed)/1e9)
	}
	return errors.Join(append(errs, err)...)
}

// free returns how many bytes this process can write below dir.
func free(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return s.Bavail * uint64(s.Bsize), nil //nolint:gosec,unconvert // its type differs by system
}
