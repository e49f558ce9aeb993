package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
)

var _ vzcore.Grower = (*machine)(nil)

// AddEntry implements vzcore.Grower.
func (m *machine) AddEntry(_ context.Context, tag string, e config.Entry) error {
	if m.Kind(tag) == NineP {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "add to the share %s: a 9p share does not change while the machine runs; it needs virtiofsd, and root", tag)
	}
	s, err := m.growing(tag)
	if err != nil {
		return err
	}
	// The source is what this process sees under its name, whatever the daemon's
	// mounts are.
	tree, err := unix.OpenTree(unix.AT_FDCWD, e.Source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if errors.Is(err, fs.ErrNotExist) {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "share %s: %w", e.Source, err)
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", e.Source, err)
	}
	defer unix.Close(tree)
	if e.ReadOnly {
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
			return fmt.Errorf("share %s read-only: %w", e.Source, err)
		}
	}
	var stat unix.Stat_t
	if err := unix.Fstat(tree, &stat); err != nil {
		return fmt.Errorf("share %s: %w", e.Source, err)
	}
	return s.mounts.inside(func() error {
		if err := place(e.Name, stat.Mode&unix.S_IFMT == unix.S_IFDIR); err != nil {
			return err
		}
		if err := unix.MoveMount(tree, "", unix.AT_FDCWD, e.Name, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return errors.Join(fmt.Errorf("share %s as %s: %w", e.Source, e.Name, err), os.Remove(e.Name))
		}
		return nil
	})
}

// RemoveEntry implements vzcore.Grower.
func (m *machine) RemoveEntry(_ context.Context, tag, name string) error {
	s, err := m.growing(tag)
	if err != nil {
		return err
	}
	return s.mounts.inside(func() error {
		if err := unix.Unmount(name, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("take %s out of the share %s: %w", name, tag, err)
		}
		return os.Remove(name)
	})
}

// growing returns a share whose daemon serves entries.
func (m *machine) growing(tag string) (*share, error) {
	r, err := m.present()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.shares[tag]; s != nil && s.mounts != nil {
		return s, nil
	}
	return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no share %q that grows", tag)
}

// place makes what an entry is mounted over.
func place(at string, dir bool) error {
	if dir {
		return os.Mkdir(at, 0o755)
	}
	f, err := os.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// mounts are where the entries of a share that grows lie: a mount namespace from which
// that of its daemon gets what is mounted later. No process is left in it.
type mounts struct{ namespace, base *os.File }

func (m *mounts) close() {
	_ = m.namespace.Close()
	_ = m.base.Close()
}

// spawnGrowing starts the daemon of a share that grows, and keeps where its entries lie.
func (s *share) spawnGrowing(args []string, base string, listener *os.File) error {
	ready, sayReady, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	hearGo, letGo, err := os.Pipe()
	if err != nil {
		return errors.Join(err, sayReady.Close())
	}
	defer letGo.Close()
	s.daemon, err = spawn(args[0], args[1:], listener, sayReady, hearGo)
	if err = errors.Join(err, sayReady.Close(), hearGo.Close()); err != nil {
		return err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		<-s.daemon.done
		return s.daemon.failure()
	}
	of := fmt.Sprintf("/proc/%d", s.daemon.cmd.Process.Pid)
	namespace, err := os.Open(of + "/ns/mnt")
	if err != nil {
		return fmt.Errorf("keep the mounts of a share: %w", err)
	}
	at, err := os.Open(filepath.Join(of, "root", base))
	if err != nil {
		return errors.Join(fmt.Errorf("keep the mounts of a share: %w", err), namespace.Close())
	}
	s.mounts = &mounts{namespace, at}
	return nil
}

// inside calls do with these mounts, in the directory of the entries.
func (m *mounts) inside(do func() error) error {
	result := make(chan error, 1)
	go func() {
		// The thread keeps the other mounts, so it ends with this function. Names are
		// relative: the root may be another one than this process's.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Setns(int(m.namespace.Fd()), unix.CLONE_NEWNS)
		}
		if err == nil {
			err = unix.Fchdir(int(m.base.Fd()))
		}
		if err != nil {
			result <- fmt.Errorf("enter the mounts of the share: %w", err)
			return
		}
		result <- do()
	}()
	return <-result
}
