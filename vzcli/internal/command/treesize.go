package command

import (
	"io/fs"
	"path/filepath"
)

// TreeSize is what the files below dir take on disk, without the directories, as far as
// it can be read.
func TreeSize(dir string) int64 {
	if dir == "" {
		return 0
	}
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // a tree that changes meanwhile is measured as it was found
		}
		if info, err := d.Info(); err == nil {
			total += onDisk(info)
		}
		return nil
	})
	return total
}
