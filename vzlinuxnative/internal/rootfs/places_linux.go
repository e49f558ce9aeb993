package rootfs

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The places on which every container has something mounted. The last file is
// made last.
var (
	placeDirs  = []string{"", "dev", "proc", "sys", "etc"}
	placeFiles = []string{"etc/hosts", "etc/hostname", "etc/resolv.conf"}
)

// MakePlaces makes dir, a layer of those directories and empty files on which
// every container has something mounted. As the lowest layer of roots it saves
// each container from having them in its own, where they would also be taken
// for changes. Whatever is in dir already stays as it is: roots may use it.
func MakePlaces(dir string) error {
	var st unix.Stat_t
	if unix.Lstat(filepath.Join(dir, placeFiles[len(placeFiles)-1]), &st) == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("make layer of mount points: %w", err)
	}
	for _, name := range placeDirs {
		if err := makePlace(filepath.Join(dir, name), unix.S_IFDIR|0o755); err != nil {
			return err
		}
	}
	for _, name := range placeFiles {
		if err := makePlace(filepath.Join(dir, name), unix.S_IFREG|0o644); err != nil {
			return err
		}
	}
	return nil
}

func makePlace(path string, mode uint32) error {
	var err error
	if mode&unix.S_IFMT == unix.S_IFDIR {
		err = unix.Mkdir(path, mode&0o7777)
	} else {
		err = unix.Mknod(path, mode, 0)
	}
	if err == unix.EEXIST {
		return nil
	}
	if err == nil {
		err = unix.Chmod(path, mode&0o7777) // whatever the umask is
	}
	if err != nil {
		return fmt.Errorf("make layer of mount points: %w", &os.PathError{Op: "make", Path: path, Err: err})
	}
	return nil
}
