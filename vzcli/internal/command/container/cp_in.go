package container

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/copytar"
	"vz.internal/vzcontract"
)

// in copies from the host to a container.
func (j copyJob) in(from, container, to string) (int64, error) {
	opts := vzcontract.CopyInOptions{KeepOwner: j.Archive}
	if from == "-" {
		return j.inFromStream(container, to, opts)
	}
	source := filepath.Clean(from)
	look := os.Lstat
	if j.FollowLink || slashed(from) || contents(from) {
		look = os.Stat
	}
	info, err := look(source)
	if err != nil {
		return 0, fmt.Errorf("cp: %w", err)
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		if source, err = filepath.EvalSymlinks(source); err != nil {
			return 0, fmt.Errorf("cp: %w", err)
		}
	}
	if (slashed(from) || contents(from)) && !info.IsDir() {
		return 0, notDirectory(from)
	}
	abs, err := filepath.Abs(from)
	if err != nil {
		return 0, err
	}
	dir, name, err := j.inPlace(container, to, filepath.Base(abs), info.IsDir(), contents(from))
	if err != nil {
		return 0, err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(copytar.Pack(w, source, name)) }()
	count := &counter{r: r}
	err = j.copier.CopyIn(j.env.Ctx, container, dir, count, opts)
	r.CloseWithError(err) // ends the packer when the backend stopped early
	return count.n, err
}

func (j copyJob) inFromStream(container, to string, opts vzcontract.CopyInOptions) (int64, error) {
	if _, ok := command.Terminal(j.env.Stdin); ok {
		return 0, command.Usagef("cp: the archive does not come from a terminal; use a pipe")
	}
	_, dir, err := j.stat(container, to)
	if err != nil {
		return 0, err
	}
	plain, err := copytar.Plain(j.env.Stdin)
	if err != nil {
		return 0, fmt.Errorf("cp: %w", err)
	}
	count := &counter{r: plain}
	err = j.copier.CopyIn(j.env.Ctx, container, dir, count, opts)
	return count.n, err
}

// inPlace applies docker's rules for the container's side.
func (j copyJob) inPlace(container, to, sourceName string, sourceDir, contentsOnly bool) (dir, name string, err error) {
	st, resolved, err := j.stat(container, to)
	isDir := fs.FileMode(st.Mode).IsDir()
	switch {
	case err == nil && isDir && contentsOnly:
		return resolved, ".", nil
	case err == nil && isDir:
		return resolved, sourceName, nil
	case err == nil && (sourceDir || slashed(to) || contents(to)):
		return "", "", notDirectory(container + ":" + to)
	case err == nil:
		return path.Dir(resolved), path.Base(resolved), nil
	case !errors.Is(err, vzcontract.ErrNotFound):
		return "", "", err
	case slashed(to) && !sourceDir:
		return "", "", noDirectory(container + ":" + to)
	}
	parent, parentPath, parentErr := j.stat(container, path.Dir(resolved))
	if parentErr != nil {
		return "", "", err // it names the container or the path that is missing
	}
	if !fs.FileMode(parent.Mode).IsDir() {
		return "", "", notDirectory(container + ":" + parentPath)
	}
	return parentPath, path.Base(resolved), nil
}
