package devenv

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox/devfile"
)

// A Project is a directory with a vz.json.
type Project struct {
	// Dir is absolute and without symbolic links.
	Dir  string
	File devfile.File
	// UID and GID own Dir. Programs run as them.
	UID, GID uint32
	// inode tells Dir from another directory at the same place.
	inode inode
}

// Open finds a project as [Find] does and reads its vz.json.
func Open(dir string) (Project, error) {
	p, err := Find(dir)
	if err == nil {
		p.File, err = devfile.Load(p.path())
	}
	return p, err
}

// Find returns the project of the nearest vz.json of dir and the directories above
// it, without its File: enough for Stop, Remove and Log, which work when vz.json
// is wrong. Without one the error matches vzcontract.ErrNotFound. One that belongs
// neither to the caller nor to root nor to the owner of dir is refused
// (vzcontract.ErrDenied), as it says which directories of the host are seen inside.
func Find(dir string) (Project, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return Project{}, err
	}
	file, err := devfile.Find(dir)
	if err != nil {
		return Project{}, err
	}
	p := Project{Dir: filepath.Dir(file)}
	if p.UID, p.GID, p.inode, err = owner(os.Stat, p.Dir); err != nil {
		return p, err
	}
	return p, trusted(file, dir)
}

// trusted refuses a file that somebody else may have put above dir.
func trusted(file, dir string) error {
	here, _, _, err := owner(os.Stat, dir)
	if err != nil {
		return err
	}
	for _, stat := range []func(string) (fs.FileInfo, error){os.Lstat, os.Stat} {
		uid, _, _, err := owner(stat, file)
		if err != nil {
			return err
		}
		if uid != 0 && uid != here && int(uid) != os.Geteuid() && !isSudoer(uid) {
			return vzcontract.Errorf(vzcontract.ErrDenied,
				"%s belongs to user %d, who may be a stranger, and it says what of this host is seen inside; if you trust it, make it yours (chown) or work in a directory of user %d",
				file, uid, uid)
		}
	}
	return nil
}

// isSudoer reports whether uid called sudo for this process.
func isSudoer(uid uint32) bool {
	return os.Geteuid() == 0 && os.Getenv("SUDO_UID") == strconv.FormatUint(uint64(uid), 10)
}

// An inode tells files apart, also later at the same path.
type inode struct{ device, number uint64 }

func (i inode) String() string { return fmt.Sprintf("%d:%d", i.device, i.number) }

func owner(stat func(string) (fs.FileInfo, error), file string) (uid, gid uint32, i inode, err error) {
	info, err := stat(file)
	if err != nil {
		return 0, 0, i, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, i, fmt.Errorf("owner of %s: %w", file, errors.ErrUnsupported)
	}
	return s.Uid, s.Gid, inode{uint64(s.Dev), s.Ino}, nil //nolint:unconvert // Dev is an int32 on darwin
}

// path is that of vz.json.
func (p Project) path() string { return filepath.Join(p.Dir, devfile.Name) }

// Name is that of the project's container.
func (p Project) Name() string {
	sum := sha256.Sum256([]byte(p.Dir))
	return "vz-dev-" + p.word() + "-" + hex.EncodeToString(sum[:4])
}

// word is the directory's name as far as a host may be called so.
func (p Project) word() string {
	word := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, filepath.Base(p.Dir))
	if word = strings.Trim(word, "-"); len(word) > 32 {
		word = strings.TrimRight(word[:32], "-")
	}
	if word == "" {
		return "dev"
	}
	return word
}

// User is what programs run as, in the form of ExecConfig.User.
func (p Project) User() string { return fmt.Sprintf("%d:%d", p.UID, p.GID) }

// Exec is how a program that is called from dir runs in the environment.
func (p Project) Exec(dir string, args ...string) vzcontract.ExecConfig {
	cfg := vzcontract.ExecConfig{Args: args, WorkingDir: p.WorkingDir(dir), User: p.User()}
	if home, ok := p.File.Env["HOME"]; ok {
		cfg.Env = []string{"HOME=" + home} // else it is that of the user
	}
	return cfg
}

// WorkingDir is where a program starts that is called from dir: the place inside
// that shows dir, else the workspace.
func (p Project) WorkingDir(dir string) string {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	best, at := "", p.File.Workspace
	for _, m := range p.File.Mounts {
		source := p.source(m)
		if resolved, err := filepath.EvalSymlinks(source); err == nil {
			source = resolved
		}
		rest, err := filepath.Rel(source, dir)
		if err != nil || !filepath.IsLocal(rest) || len(source) < len(best) || p.hidden(path.Join(m.Target, filepath.ToSlash(rest)), m) {
			continue
		}
		best, at = source, path.Join(m.Target, filepath.ToSlash(rest))
	}
	return at
}

// hidden reports whether another mount covers a place in m.
func (p Project) hidden(place string, m devfile.Mount) bool {
	for _, other := range p.File.Mounts {
		inside, err := filepath.Rel(m.Target, other.Target)
		if err != nil || inside == "." || !filepath.IsLocal(inside) {
			continue
		}
		if place == other.Target || strings.HasPrefix(place, other.Target+"/") {
			return true
		}
	}
	return false
}

// source is the absolute path of what m shows.
func (p Project) source(m devfile.Mount) string {
	if filepath.IsAbs(m.Source) {
		return filepath.Clean(m.Source)
	}
	return filepath.Join(p.Dir, m.Source)
}
