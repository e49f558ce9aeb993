package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func mountTmpfs(dir string) error { return quiet("mount", "-t", "tmpfs", "tmpfs", dir) }

// diskSize is more than all stores need; the file is sparse.
const diskSize = 16 << 30

// mountDisk mounts a new ext4 at dir, in a file on the disk of the temporary
// directory and past its page cache. The file system that is there already has
// a history: one without a journal, for one, searches long for an inode when
// many have just been deleted, as they are between the rounds.
func (b *bench) mountDisk(dir string) error {
	image := filepath.Join(b.dir, "disk.img")
	f, err := os.Create(image)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(diskSize), f.Close()); err != nil {
		return err
	}
	if err := quiet("mkfs.ext4", "-q", "-F", image); err != nil {
		return err
	}
	out, err := exec.Command("losetup", "--find", "--show", "--direct-io=on", image).Output()
	if err != nil {
		return fmt.Errorf("losetup %s: %w", image, err)
	}
	device := strings.TrimSpace(string(out))
	err = quiet("mount", device, dir)
	return errors.Join(err, quiet("losetup", "--detach", device)) // once it is unmounted
}

// settle writes what the file system at dir has in memory: nobody pays for what
// another one left there.
func settle(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &os.PathError{Op: "syncfs", Path: dir, Err: err}
	}
	return nil
}
